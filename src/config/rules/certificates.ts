// Looks at the files that `tls` names, wherever it stands, as `run` would read them.
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { CertificateFiles } from "../../core/tls/tls.ts";
import {
  chainProblems,
  strengthProblems,
  validityProblems,
} from "../../runtime/certificate-problems.ts";
import { certificatesOf, keyPairOf } from "../../runtime/key-pair.ts";
import type { KeyPair } from "../../runtime/key-pair.ts";
import type { Finding } from "../yaml/locate.ts";
import type { Step } from "../yaml/yaml.ts";
import { entriesOf, fieldsOf, mapsOf } from "./untyped.ts";
import type { Data } from "./untyped.ts";

/** Warnings, some of which prevent a start. Works on data that may be wrong elsewhere. */
export function certificateFindings(file: unknown): Finding[] {
  return tlsObjects(file, []).flatMap(({ data, steps }) => [
    ...pairsOf(data, steps).flatMap((pair) => pairFindings(pair)),
    ...trustOf(data, steps).flatMap((trust) => trustFindings(trust)),
    ...weakness(data, steps),
  ]);
}

interface TlsObject {
  readonly data: Data;
  readonly steps: readonly Step[];
}

/** Deeper than any configuration goes. */
const maxDepth = 12;

function tlsObjects(value: unknown, steps: readonly Step[]): TlsObject[] {
  if (steps.length > maxDepth) return [];
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown, index) => tlsObjects(item, [...steps, index]));
  }
  return Object.entries(fieldsOf(value)).flatMap(([key, inner]) => {
    const found = key === "tls" && fieldsOf(inner)["enabled"] !== false;
    const here = found ? [{ data: fieldsOf(inner), steps: [...steps, key] }] : [];
    return [...here, ...tlsObjects(inner, [...steps, key])];
  });
}

interface Pair {
  readonly files: CertificateFiles;
  readonly steps: readonly Step[];
  readonly isServers: boolean;
}

function pairsOf(data: Data, steps: readonly Step[]): Pair[] {
  const places = [
    { data, steps, isServers: true },
    ...mapsOf(data["certificates"]).map(({ data: each, index }) => {
      return { data: each, steps: [...steps, "certificates", index], isServers: true };
    }),
    { data: fieldsOf(data["clientAuth"]), steps: [...steps, "clientAuth"], isServers: false },
  ];
  return places.flatMap(({ data: each, ...place }) => {
    const { certPath, keyPath, intermediateCertsPath } = each;
    if (!isText(certPath) || !isText(keyPath)) return [];
    const further = isText(intermediateCertsPath) ? intermediateCertsPath : null;
    const files = { certPath, keyPath, intermediateCertsPath: further };
    return [{ ...place, files }];
  });
}

function pairFindings({ files, steps, isServers }: Pair): Finding[] {
  const missing = Object.entries(files).flatMap(([key, path]) => {
    return isText(path) ? missingFile(path, [...steps, key]) : [];
  });
  if (missing.length > 0) return missing;
  const at = [...steps, "certPath"];
  let pair: KeyPair;
  try {
    pair = keyPairOf(files, (path) => readFileSync(path, "utf8"));
  } catch (error) {
    return [unusable(at, error)];
  }
  const { leaf, chain } = pair;
  const problems = [
    ...validityProblems(leaf, Date.now()),
    ...strengthProblems(leaf),
    ...chainProblems([leaf, ...chain]),
  ];
  if (isServers && pair.leaf.subjectAltName === undefined) {
    problems.push("has no subjectAltName, without which callers do not accept it");
  }
  return problems.map((problem) => warning(at, `the certificate ${files.certPath} ${problem}`));
}

function trustOf(data: Data, steps: readonly Step[]) {
  const { trustCerts, trustCertsBundle, caCertPath } = data;
  const listed = Array.isArray(trustCerts) ? (trustCerts as unknown[]) : [];
  return [
    ...listed.map((path, i) => ({ path, steps: [...steps, "trustCerts", i] })),
    { path: trustCertsBundle, steps: [...steps, "trustCertsBundle"] },
    { path: caCertPath, steps: [...steps, "caCertPath"] },
  ].flatMap(({ path, ...place }) => (isText(path) ? [{ ...place, path }] : []));
}

function trustFindings({
  path,
  steps,
}: {
  readonly path: string;
  readonly steps: readonly Step[];
}): Finding[] {
  const missing = missingFile(path, steps);
  if (missing.length > 0) return missing;
  try {
    const expired = certificatesOf(readFileSync(path, "utf8"), path).filter(({ validTo }) => {
      return Date.parse(validTo) < Date.now();
    });
    return expired.map(({ subject, validTo }) => {
      const who = subject.replaceAll("\n", ", ");
      return warning(steps, `the CA ${who} in ${path} has expired: it was valid until ${validTo}`);
    });
  } catch (error) {
    return [unusable(steps, error)];
  }
}

function weakness(data: Data, steps: readonly Step[]): Finding[] {
  const { requireClientAuth, caCertPath, protocols, minVersion } = data;
  const versions = [...(Array.isArray(protocols) ? (protocols as unknown[]) : []), minVersion];
  const findings: Finding[] = [];
  if (requireClientAuth === true && caCertPath === undefined) {
    const message =
      "accepts callers with a certificate of any public CA: write caCertPath with the CA that signs yours";
    findings.push(warning([...steps, "requireClientAuth"], message));
  }
  if (versions.some((version) => version === "TLSv1" || version === "TLSv1.1")) {
    const message =
      "TLSv1 and TLSv1.1 are broken, and OpenSSL refuses them unless ciphers has DEFAULT@SECLEVEL=0";
    findings.push(warning(steps, message));
  }
  if (data["allowSubjectName"] === true) {
    const message =
      "a common name may be anything, also the name of another service: issue certificates with a subjectAltName";
    findings.push(warning([...steps, "allowSubjectName"], message));
  }
  if (data["disableValidation"] === true) {
    const message = "any certificate is accepted: whoever is in between can read and change all";
    findings.push(warning([...steps, "disableValidation"], message));
  }
  return findings;
}

/** Errors: captures of a commonName that the prefix of its entry does not have. */
export function unknownCaptures(section: unknown, steps: readonly Step[]): Finding[] {
  return entriesOf(section, steps).flatMap(({ data, steps: at }) => {
    const { commonName } = fieldsOf(data["tls"]);
    const prefix = isText(data["prefix"]) ? data["prefix"] : "/";
    if (!isText(commonName)) return [];
    const unknown = (commonName.match(/\{[^{}]*\}/g) ?? []).find((name) => !prefix.includes(name));
    if (unknown === undefined) return [];
    const message = `the prefix ${prefix} has no ${unknown}: a commonName may have the captures of its own prefix`;
    return [{ steps: [...at, "tls", "commonName"], at: "value" as const, message }];
  });
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function missingFile(path: string, steps: readonly Step[]): Finding[] {
  if (isFile(path)) return [];
  const message = `there is no file ${resolve(path)}: run does not start without it`;
  return [{ ...warning(steps, message), preventsRun: true }];
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false; // or unreachable, which makes no difference here
  }
}

function unusable(steps: readonly Step[], error: unknown): Finding {
  const why = error instanceof Error ? error.message : String(error);
  return { ...warning(steps, `${why}: run does not start with it`), preventsRun: true };
}

function warning(steps: readonly Step[], message: string): Finding {
  return { steps, at: "value", message };
}
