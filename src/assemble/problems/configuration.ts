// The configuration: whether its file still says what runs, and what in it should not stay so.
import { readFile, stat } from "node:fs/promises";
import type { Clock } from "../../core/clock.ts";
import { isLoopback } from "../../core/address.ts";
import { showDentry } from "../../core/names/dtab.ts";
import { mapTree } from "../../core/names/nametree.ts";
import { segmentsOf } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import type { Config, RouterConfig } from "../../config/config.ts";
import { mayMeet } from "../../config/rules/unknown-namers.ts";
import type { Finding, Findings } from "./finding.ts";

const lookEveryMs = 2_000;
const maxFileBytes = 10_000_000;

/** Looks in the background when it is asked: what it says is up to `lookEveryMs` old. */
export class ConfigOnDisk {
  /** null: it was read from standard input. */
  readonly #file: string | null;
  readonly #text: string;
  readonly #clock: Clock;
  #lookedMs = -Infinity;
  #seen = "";
  #problem: string | null = null;

  constructor(file: string | null, text: string, clock: Clock) {
    this.#file = file;
    this.#text = text;
    this.#clock = clock;
  }

  *findings(): Findings {
    const nowMs = this.#clock.nowMs();
    if (this.#file === null) return;
    if (nowMs - this.#lookedMs >= lookEveryMs) {
      this.#lookedMs = nowMs;
      void this.#look(this.#file);
    }
    if (this.#problem === null) return;
    yield {
      kind: "configuration-changed",
      key: "",
      severity: "notice",
      text: `${this.#file} ${this.#problem}: the proxy runs with what it read at its start.`,
      advice: `Check it (switchyard check ${this.#file}), and restart the proxy to use it.`,
      steps: [],
      subject: {},
    };
  }

  async #look(file: string): Promise<void> {
    try {
      const { mtimeMs, size, ino } = await stat(file);
      const seen = `${mtimeMs} ${size} ${ino}`;
      if (seen === this.#seen) return;
      this.#seen = seen;
      const isSame = size <= maxFileBytes && (await readFile(file, "utf8")) === this.#text;
      this.#problem = isSame ? null : `has changed at ${new Date(mtimeMs).toISOString()}`;
    } catch (error) {
      this.#seen = "";
      const { code, message } = error as NodeJS.ErrnoException;
      this.#problem = code === "ENOENT" ? "does not exist any more" : `cannot be read (${message})`;
    }
  }
}

/** What does not change while the proxy runs. */
export function standingFindings(config: Config): readonly Finding[] {
  const { admin, routers } = config;
  const isOpen = !isLoopback(admin.host) && admin.tokenPath === null;
  return [
    ...(isOpen ? [openAdmin(admin.host)] : []),
    ...routers.flatMap(openServers),
    ...routers.flatMap(deadEnds),
  ];
}

function openAdmin(host: string): Finding {
  return {
    kind: "admin-beyond-loopback",
    key: "",
    severity: "notice",
    text: `The admin server listens on ${host} without a token.`,
    advice:
      "See admin.token, admin.readOnly and admin.security, or bind it to loopback (admin.ip).",
    steps: ["admin"],
    subject: {},
  };
}

function openServers({ label, servers }: RouterConfig, index: number): Finding[] {
  return servers.flatMap(({ host, port, callerDtab, clearContext }, at): Finding[] => {
    if (callerDtab.mode !== "all" || clearContext || isLoopback(host)) return [];
    return [
      {
        kind: "open-caller-dtabs",
        key: `${label} ${host}:${port}`,
        severity: "notice",
        text: `Router ${label} accepts all dtabs of its callers on ${host}:${port}: they may lead calls to any address.`,
        advice: "Set callerDtab: names, or clearContext: true for callers that are not trusted.",
        steps: ["routers", index, "servers", at],
        subject: { router: label },
      },
    ];
  });
}

/** Entries whose names no other entry covers, and that are no namer's: only a caller's dtab could. */
function deadEnds({ label, dtab, interpreter }: RouterConfig, index: number): Finding[] {
  if (interpreter.config.kind !== "default") return []; // its dtab may cover them
  return dtab.flatMap((dentry) => {
    const dead = new Set<Path>();
    mapTree(dentry.dst, (target) => {
      const segments = segmentsOf(target);
      const isNamers = segments[0] === "#" || segments[0] === "$";
      if (!isNamers && !dtab.some(({ prefix }) => mayMeet(prefix, segments))) dead.add(target);
    });
    return Array.from(dead, (target) => deadEnd(label, index, showDentry(dentry), target));
  });
}

function deadEnd(router: string, index: number, dentry: string, target: Path): Finding {
  return {
    kind: "dtab-dead-end",
    key: `${router} ${dentry} ${target}`,
    severity: "notice",
    text: `The entry ${dentry} of router ${router} leads nowhere: no entry covers ${target}, and it is no namer's.`,
    advice: `Add an entry for ${target}, or name a namer: /#/io.l5d.fs, /$/inet/127.0.0.1/8080.`,
    steps: ["routers", index, "dtab"],
    subject: { router },
  };
}
