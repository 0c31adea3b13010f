// The process that watches all sidecars: `switchyard fleet` with a list of their admin ports.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Child } from "../child.ts";

const command = fileURLToPath(new URL("../../../bin/switchyard", import.meta.url));
const readyLimitMs = 20_000;
const graceMs = 2_000;

/** A sidecar to watch. */
export interface Watched {
  readonly name: string;
  readonly adminPort: number;
}

/** Owns its process. */
export class FleetPage {
  readonly url: string;
  readonly file: string;
  readonly #port: number;
  readonly #logFile: string;
  #child: Child | null = null;

  constructor(folder: string, port: number, sidecars: readonly Watched[]) {
    this.#port = port;
    this.url = `http://127.0.0.1:${port}/fleet`;
    this.file = path.join(folder, "fleet.yaml");
    this.#logFile = path.join(folder, "fleet.log");
    writeFileSync(this.file, fleetYaml(port, sidecars));
  }

  /** null once it responds; otherwise the reason why it does not. */
  start(): Promise<string | null> {
    this.#child = new Child({
      title: "the fleet page",
      args: [command, "fleet", this.file],
      logFile: this.#logFile,
      isTied: false,
    });
    return this.#child.untilReady(`http://127.0.0.1:${this.#port}/admin/ready`, readyLimitMs);
  }

  async close(): Promise<void> {
    await this.#child?.stop(graceMs);
  }

  abandon(): void {
    this.#child?.kill();
  }
}

function fleetYaml(port: number, sidecars: readonly Watched[]): string {
  const lines = sidecars.map(({ name, adminPort }) => `    - ${name} 127.0.0.1:${adminPort}`);
  return `# Watches the sidecars of all instances: run it with \`switchyard fleet\`.

admin:
  port: ${port}

fleet:
  title: exchange rates
  intervalMs: 1000
  instances:
${lines.join("\n")}
`;
}
