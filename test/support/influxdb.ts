// A real InfluxDB for a test, with one empty database.
import { join } from "node:path";
import type { TestContext } from "node:test";
import { freePorts } from "../../demo/ports.ts";
import { startDaemon } from "./daemon.ts";
import { openFolder } from "./folder.ts";

export type Row = Readonly<Record<string, unknown>>;

export interface InfluxDb {
  /** Points in line protocol; rejects with what the server says against them. */
  write(lines: string): Promise<void>;
  /** The rows of all series that InfluxQL selects, with the tags that it groups by. */
  query(influxQl: string): Promise<Row[]>;
}

export async function influxDb(t: TestContext): Promise<InfluxDb> {
  const [http = 0, backup = 0] = await freePorts(2);
  const folder = openFolder();
  folder.write("influxdb.conf", config(folder.path, http, backup));
  const at = `http://127.0.0.1:${http}`;
  const args = ["-config", join(folder.path, "influxdb.conf")];
  const create = new URLSearchParams({ q: "CREATE DATABASE switchyard" });
  await startDaemon(t, "influxd", args, () => post(`${at}/query`, create), folder);
  return {
    write: async (lines) => void (await post(`${at}/write?db=switchyard`, lines)),
    async query(q) {
      const text = await post(`${at}/query`, new URLSearchParams({ q, db: "switchyard" }));
      const { results } = JSON.parse(text) as Results;
      return results.flatMap(({ series = [] }) => series.flatMap(rowsOf));
    },
  };
}

interface Results {
  readonly results: readonly { readonly series?: readonly Series[] }[];
}

interface Series {
  readonly tags?: Row;
  readonly columns: readonly string[];
  readonly values: readonly (readonly unknown[])[];
}

function rowsOf({ tags, columns, values }: Series): Row[] {
  return values.map((row) => ({
    ...tags,
    ...Object.fromEntries(columns.map((column, i) => [column, row[i]])),
  }));
}

async function post(url: string, body: string | URLSearchParams): Promise<string> {
  const response = await fetch(url, { method: "POST", body });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`);
  return text;
}

function config(folder: string, http: number, backup: number): string {
  return `
reporting-disabled = true
bind-address = "127.0.0.1:${backup}"
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:${http}"
  log-enabled = false
`;
}
