// A real Prometheus for a test, and its promtool.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { stringify } from "yaml";
import { freePorts } from "../../demo/ports.ts";
import { startDaemon } from "./daemon.ts";
import { openFolder } from "./folder.ts";
import { hasPeer } from "./peers.ts";

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export interface FiringAlert {
  readonly state: "pending" | "firing";
  readonly labels: Readonly<Record<string, string>>;
}

export interface Prometheus {
  /** Such as `http://127.0.0.1:9090`. */
  readonly url: string;
  /** An instant query; rejects with what the server says against it. */
  query(expression: string): Promise<readonly Sample[]>;
  alerts(): Promise<readonly FiringAlert[]>;
}

const prometheusProgram = "prometheus"; // a constant: names of programs are data to knip
const promtool = "promtool";

export const hasPrometheus = (t: TestContext): boolean => hasPeer(t, prometheusProgram);

/** `files` are written beside the configuration, which may name them. */
export async function startPrometheus(
  t: TestContext,
  config: object,
  files: Readonly<Record<string, string>>,
): Promise<Prometheus> {
  const [port = 0] = await freePorts(1);
  const folder = openFolder();
  for (const [name, text] of Object.entries(files)) folder.write(name, text);
  folder.write("prometheus.yml", stringify(config));
  const at = `http://127.0.0.1:${port}`;
  const args = [
    `--config.file=${join(folder.path, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder.path, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const isReady = async () => {
    if (!(await fetch(`${at}/-/ready`)).ok) throw new Error("not ready");
  };
  await startDaemon(t, prometheusProgram, args, isReady, folder);
  return {
    url: at,
    async query(query) {
      const { result } = (await ask(`${at}/api/v1/query?${new URLSearchParams({ query })}`)) as {
        readonly result: readonly Sample[];
      };
      return result;
    },
    async alerts() {
      const { alerts } = (await ask(`${at}/api/v1/alerts`)) as {
        readonly alerts: readonly FiringAlert[];
      };
      return alerts;
    },
  };
}

async function ask(url: string): Promise<unknown> {
  const response = await fetch(url);
  const { data, error } = (await response.json()) as { data?: unknown; error?: string };
  if (!response.ok) throw new Error(`${url}: ${response.status} ${error}`);
  return data;
}

/** What `promtool` printed if it is not content; null: it is. */
export function promtoolComplaint(...args: readonly string[]): string | null {
  const { status, stdout, stderr } = spawnSync(promtool, args, { encoding: "utf8" });
  return status === 0 ? null : stdout + stderr;
}
