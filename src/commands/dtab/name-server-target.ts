// A name server's dtabs, over its HTTP API.
import { parseDtab, showDtab } from "../../core/names/dtab.ts";
import type { Dtab } from "../../core/names/dtab.ts";
import { failure } from "../../core/failure.ts";
import { done } from "../../name-server/dtab-store.ts";
import type { VersionedDtab, Written } from "../../name-server/dtab-store.ts";
import type { DtabTarget } from "../../shift/store.ts";
import { fetchFrom } from "../fetch.ts";
import type { Fetched } from "../fetch.ts";

const dtabType = { "content-type": "application/dtab" };

export function nameServerTarget(given: string): DtabTarget {
  const base = `${given.replace(/\/+$/, "")}/api/1/dtabs`;
  const where = `the name server ${given}`;
  const ask = (method: string, path = "", headers = {}, body?: string) =>
    fetchFrom(`${base}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
  const at = (namespace: string) => `/${encodeURIComponent(namespace)}`;
  const write = async (
    method: string,
    namespace: string,
    headers: Readonly<Record<string, string>>,
    dtab?: Dtab,
  ): Promise<Written> =>
    writtenOf(
      await ask(method, at(namespace), headers, dtab === undefined ? undefined : showDtab(dtab)),
      where,
    );
  return {
    where,
    async list() {
      return JSON.parse(good(await ask("GET"), where).text) as string[];
    },
    async get(namespace) {
      const response = await ask("GET", at(namespace), { accept: "application/dtab" });
      if (response.status === 404) return null;
      return dtabOf(good(response, where), where);
    },
    create: (namespace, dtab) => write("POST", namespace, dtabType, dtab),
    update: (namespace, dtab, version) => {
      const match = Buffer.from(version).toString("base64");
      return write("PUT", namespace, { ...dtabType, "if-match": match }, dtab);
    },
    put: (namespace, dtab) => write("PUT", namespace, dtabType, dtab),
    remove: (namespace) => write("DELETE", namespace, {}),
    async history(namespace) {
      const response = await ask("GET", `${at(namespace)}/history`);
      if (response.status === 404) return null;
      const versions = JSON.parse(good(response, where).text) as {
        version: string;
        dtab: string;
      }[];
      return versions.map(({ version, dtab }) => {
        const parsed = parseDtab(dtab);
        if (!parsed.ok) throw new Error(`${where}: a version is no dtab: ${parsed.error.message}`);
        return { dtab: parsed.value, version: Buffer.from(version, "base64") };
      });
    },
    close() {},
  };
}

function good(response: Fetched, where: string): Fetched {
  if (response.status === 200) return response;
  throw new Error(`${where} responded with ${response.status}${reasonOf(response)}`);
}

function reasonOf({ text }: Fetched): string {
  return text.trim() === "" ? "" : `: ${text.trim().slice(0, 500)}`;
}

function dtabOf({ text, etag }: Fetched, where: string): VersionedDtab {
  const parsed = parseDtab(text);
  if (!parsed.ok) throw new Error(`${where} sent what is no dtab: ${parsed.error.message}`);
  return { dtab: parsed.value, version: Buffer.from(etag ?? "", "base64") };
}

function writtenOf(response: Fetched, where: string): Written {
  const detail = response.text.trim() || `status ${response.status}`;
  switch (response.status) {
    case 204:
      return done;
    case 404:
      return { kind: "missing" };
    case 409:
      return { kind: "exists" };
    case 412:
      return { kind: "mismatch" };
    case 403:
      return { kind: "forbidden", detail };
    case 400:
    case 413:
      return { kind: "invalid", detail };
    default:
      return {
        kind: "failed",
        why: failure(
          "unresolved",
          `${where} responded with ${response.status}${reasonOf(response)}`,
        ),
      };
  }
}
