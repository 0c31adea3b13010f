// With `--tls`: a CA of the demo, a certificate for each sidecar, and what their files say of them.
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Discovery } from "./discovery.ts";

const command = fileURLToPath(new URL("../../bin/switchyard", import.meta.url));

/** As the page shows it. */
export interface Certificate {
  readonly instance: string;
  readonly names: string;
  readonly validUntil: string;
  readonly serialNumber: string;
}

export interface MutualTls {
  /** The CA's certificate. */
  readonly caPath: string;
  /** PEM files of an instance's sidecar. */
  filesOf(instance: string): { readonly certPath: string; readonly keyPath: string };
  /** `tls` of an incoming server, as YAML without indentation. */
  serverYaml(instance: string): string;
  /** `client` of an outgoing router. */
  clientYaml(instance: string, discovery: Discovery): string;
  certificates(): readonly Certificate[];
  /** New certificates for all sidecars, which notice by themselves. Throws with a text for people. */
  renew(): void;
}

/** `namesOf` gives the names that callers look each instance up by. */
export function mutualTls(
  folder: string,
  namesOf: ReadonlyMap<string, readonly string[]>,
): MutualTls {
  const certs = path.join(folder, "certs");
  const at = (file: string) => path.join(certs, file);
  const cert = (...args: readonly string[]) =>
    execFileSync(process.execPath, [command, "cert", ...args, "--folder", certs], {
      stdio: "pipe",
    });
  // The files of an instance are called after its own name, which is the first in its certificate.
  const requests = Array.from(namesOf, ([instance, names]) => {
    return [...new Set([instance, ...names])].join(",");
  });
  const filesOf = (instance: string) => ({
    certPath: at(`${instance}.pem`),
    keyPath: at(`${instance}.key`),
  });
  const filesYaml = (instance: string) => {
    const { certPath, keyPath } = filesOf(instance);
    return `certPath: ${JSON.stringify(certPath)}\nkeyPath: ${JSON.stringify(keyPath)}\n`;
  };
  cert("init", "--name", "CA of the demo");
  cert("issue", ...requests);
  return {
    caPath: at("ca.pem"),
    filesOf,
    serverYaml: (instance) =>
      `${filesYaml(instance)}caCertPath: ${JSON.stringify(at("ca.pem"))}\nrequireClientAuth: true\n`,
    clientYaml(instance, { dtab }) {
      // The names of clients begin with what the dtab leads to; Consul's say which data center it was.
      const prefix = dtab.replace(/^.*=> */, "").replace("/.local", "/*");
      return `kind: io.l5d.static
configs:
  - prefix: ${prefix}/{service}
    tls:
      commonName: "{service}"
      trustCertsBundle: ${JSON.stringify(at("ca.pem"))}
      clientAuth:
${filesYaml(instance).replace(/^(?=.)/gm, "        ")}`;
    },
    certificates: () =>
      Array.from(namesOf.keys(), (instance) => shown(instance, filesOf(instance))),
    renew: () => void cert("issue", "--force", ...requests),
  };
}

function shown(instance: string, { certPath }: { readonly certPath: string }): Certificate {
  const {
    subjectAltName = "",
    validTo,
    serialNumber,
  } = new X509Certificate(readFileSync(certPath));
  const names = subjectAltName.replaceAll("DNS:", "");
  return { instance, names, validUntil: new Date(validTo).toISOString(), serialNumber };
}
