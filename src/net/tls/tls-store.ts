// All certificates, keys and CAs of the process: read once, watched, shared by whoever names the same files.
import type { SecureContext } from "node:tls";
import type { Clock, Close } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { Stats } from "../../core/stats.ts";
import type {
  CertificateFiles,
  ClientTls,
  ClientTlsConfig,
  ServerTls,
  ServerTlsConfig,
  TlsVersions,
} from "../../core/tls/tls.ts";
import { Alarm } from "../alarm.ts";
import { nodeTls } from "./load-tls.ts";
import { certificatesOf, keyPairOf } from "../../runtime/key-pair.ts";
import type { KeyPair } from "../../runtime/key-pair.ts";
import { FileWatch, Watched } from "../../runtime/watched-files.ts";

export interface TlsStoreDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** `tls`, for the certificates. */
  readonly stats: Stats;
}

/** A certificate as it stands. */
export interface CertificateState {
  readonly file: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Why its new files are not usable; null: they are. */
  readonly problem: string | null;
}

const dayMs = 24 * 60 * 60 * 1000;
const warnBeforeMs = 14 * dayMs;
/** Endpoints of one cluster whose sessions are kept for resumption. */
const maxSessions = 256;
/** A resumed connection presents no certificate: after this long it has to be seen again. */
const maxSessionAgeMs = 10 * 60 * 1000;

interface Session {
  readonly bytes: Uint8Array;
  /** Then the certificate has to be seen again. */
  readonly untilMs: number;
}

const noSession: Session = { bytes: new Uint8Array(), untilMs: -Infinity };

/** Owns the watch on its files. What it gives stays usable after `close`, without further changes. */
export class TlsStore {
  readonly #deps: TlsStoreDeps;
  readonly #watch: FileWatch;
  readonly #pairs = new Map<string, Watched<KeyPair>>();
  readonly #trusted = new Map<string, Watched<readonly string[]>>();
  readonly #contexts = new Map<string, () => SecureContext>();
  readonly #daily: Alarm;

  constructor(deps: TlsStoreDeps) {
    this.#deps = deps;
    this.#watch = new FileWatch(deps.clock, deps.log);
    this.#daily = new Alarm(deps.clock, () => this.#warnOfExpiry());
    this.#daily.set(deps.clock.nowMs() + dayMs);
  }

  /** Throws with a text for people when a file is missing or unusable. */
  server(config: ServerTlsConfig, stats: Stats): ServerTls {
    const pairs = config.certificates.map((files) => this.#pair(files));
    const trusted = config.caCertPath === null ? null : this.#trust([config.caCertPath]);
    const counts = {
      handshakes: stats.counter("tls", "handshakes"),
      failures: stats.counter("tls", "handshake_failures"),
      connections: 0,
    };
    stats.gauge(() => counts.connections, "tls", "connections");
    const options = serverOptions(config);
    const certificates = () =>
      pairs.map(({ value: { names, cert, key } }) => ({
        names,
        options: { ...options, cert, key, ...(trusted === null ? {} : { ca: trusted.value }) },
      }));
    for (const { options: each } of certificates()) checkContext(each, config);
    const sets = trusted === null ? pairs : [...pairs, trusted];
    return { config, stats: counts, certificates, watch: (changed) => watchAll(sets, changed) };
  }

  /** Reads the files of a client's setting. Throws as `server` does. */
  prepare(config: ClientTlsConfig): void {
    this.#contextOf(config);
  }

  /** `commonName` has no captures any more. Throws as `server` does when `prepare` was not called. */
  client(config: ClientTlsConfig, commonName: string | null, setting: string): ClientTls {
    const shared = this.#contextOf(config);
    const sessions = new Map<string, Session>();
    const { clock } = this.#deps;
    let context = shared();
    return {
      commonName,
      setting,
      isValidating: !config.disableValidation,
      allowsSubjectName: config.allowsSubjectName,
      context() {
        const current = shared();
        if (current !== context) sessions.clear(); // what was trusted before may not be any more
        context = current;
        return context;
      },
      sessionOf(address) {
        const { bytes, untilMs } = sessions.get(address) ?? noSession;
        return clock.nowMs() < untilMs ? bytes : null;
      },
      keepSession(address, bytes, notAfterMs) {
        const known = sessions.get(address) ?? noSession;
        sessions.delete(address);
        const usableMs =
          notAfterMs === null ? 0 : Math.min(maxSessionAgeMs, notAfterMs - clock.wallMs());
        const untilMs = notAfterMs === null ? known.untilMs : clock.nowMs() + usableMs;
        sessions.set(address, { bytes, untilMs });
        const [oldest] = sessions.keys();
        if (sessions.size > maxSessions && oldest !== undefined) sessions.delete(oldest);
      },
    };
  }

  /** One context for all clusters of a setting: it holds the CAs, which may be many. */
  #contextOf(config: ClientTlsConfig): () => SecureContext {
    const key = JSON.stringify({ ...config, commonName: null });
    const known = this.#contexts.get(key);
    if (known !== undefined) return known;
    const pair = config.clientAuth === null ? null : this.#pair(config.clientAuth);
    const trusted = config.trustPaths.length === 0 ? null : this.#trust(config.trustPaths);
    const make = () =>
      nodeTls().createSecureContext({
        ...versionOptions(config.versions),
        ...(pair === null ? {} : { cert: pair.value.cert, key: pair.value.key }),
        ...(trusted === null ? {} : { ca: [...trusted.value] }),
      });
    let context = make();
    const sets = [pair, trusted].filter((set) => set !== null);
    watchAll(sets, () => (context = make()));
    const current = () => context;
    this.#contexts.set(key, current);
    return current;
  }

  /** Reads again, now, what has changed. */
  look(): Promise<void> {
    return this.#watch.look();
  }

  states(): readonly CertificateState[] {
    return Array.from(this.#pairs.values(), ({ value, files, problem }) => ({
      file: files[0] ?? "",
      notBeforeMs: value.notBeforeMs,
      notAfterMs: value.notAfterMs,
      problem,
    }));
  }

  close(): void {
    this.#watch.close();
    this.#daily.close();
  }

  #pair(files: CertificateFiles): Watched<KeyPair> {
    const { certPath, keyPath, intermediateCertsPath } = files;
    const paths = [
      certPath,
      keyPath,
      ...(intermediateCertsPath === null ? [] : [intermediateCertsPath]),
    ];
    const known = this.#pairs.get(paths.join("\0"));
    if (known !== undefined) return known;
    const pair = new Watched("certificate", paths, (read) => keyPairOf(files, read));
    this.#pairs.set(paths.join("\0"), pair);
    this.#watch.add(pair);
    const scope = this.#deps.stats.scope(certPath.replace(/^\/+/, ""));
    scope.gauge(() => Math.round(pair.value.notAfterMs / 1000), "not_after_seconds");
    scope.gauge(() => (pair.isBroken ? 1 : 0), "reload_failing");
    this.#warnIfExpiring(pair);
    pair.watch(() => this.#warnIfExpiring(pair));
    return pair;
  }

  #trust(paths: readonly string[]): Watched<readonly string[]> {
    const known = this.#trusted.get(paths.join("\0"));
    if (known !== undefined) return known;
    const trusted = new Watched("certificate", paths, (read) =>
      paths.map((path) => {
        const pem = read(path);
        certificatesOf(pem, path);
        return pem;
      }),
    );
    this.#trusted.set(paths.join("\0"), trusted);
    this.#watch.add(trusted);
    return trusted;
  }

  #warnOfExpiry(): void {
    for (const pair of this.#pairs.values()) this.#warnIfExpiring(pair);
    this.#daily.set(this.#deps.clock.nowMs() + dayMs);
  }

  #warnIfExpiring({ value: { leaf, notBeforeMs, notAfterMs }, files }: Watched<KeyPair>): void {
    const { clock, log } = this.#deps;
    const nowMs = clock.wallMs();
    if (nowMs >= notBeforeMs && notAfterMs - nowMs > warnBeforeMs) return;
    const event =
      nowMs < notBeforeMs
        ? "certificate not valid yet"
        : nowMs > notAfterMs
          ? "certificate expired"
          : "certificate expires soon";
    const advice = "renew it: the new files are read while the proxy runs";
    log.warn({ event, file: files[0], from: leaf.validFrom, until: leaf.validTo, advice });
  }
}

function watchAll(sets: readonly Watched<unknown>[], changed: () => void): Close {
  const stops = sets.map((set) => set.watch(changed));
  return () => stops.forEach((stop) => stop());
}

function versionOptions({ min, max }: TlsVersions) {
  return { minVersion: min, maxVersion: max };
}

function serverOptions({ versions, ciphers }: ServerTlsConfig) {
  return {
    ...versionOptions(versions),
    honorCipherOrder: true,
    ...(ciphers.length === 0 ? {} : { ciphers: ciphers.join(":") }),
  };
}

/** Finds out at the start, not at the first caller, that OpenSSL refuses the settings. */
function checkContext(options: object, { certificates, ciphers }: ServerTlsConfig): void {
  try {
    nodeTls().createSecureContext(options);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    const [{ certPath } = { certPath: "" }] = certificates;
    const why = /cipher/i.test(what) ? `ciphers ${ciphers.join(", ")}` : certPath;
    throw new Error(`OpenSSL refuses ${why}: ${what}`, { cause: error });
  }
}
