import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

const bin = fileURLToPath(new URL("../../../bin/switchyard", import.meta.url));
const yaml = `
admin: { port: 0 }
routers:
- protocol: http
  dtab: /svc => /$/nil
  servers: [{ port: 0 }]
`;

/** Sends one request after the other for as long as the connection lasts. */
function keepAsking(t: TestContext, port: number): void {
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  const ask = (): boolean => socket.write("GET / HTTP/1.1\r\nHost: web\r\n\r\n");
  socket
    .on("connect", ask)
    .on("data", ask)
    .on("error", () => {});
}

const timeoutMs = 20_000; // it takes less than a second

test(
  "V8 optimizes nothing while the process starts, and everything once calls come",
  { timeout: timeoutMs },
  async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), "switchyard-start-up-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const file = path.join(folder, "switchyard.yaml");
    writeFileSync(file, yaml);
    // V8 reports on standard output, which is otherwise empty; the log is on standard error.
    const child = spawn(process.execPath, ["--trace-opt", bin, "run", file]);
    t.after(() => child.kill("SIGKILL"));
    let optimizedBefore = 0;
    const optimized = new Promise<void>((resolve) => {
      createInterface(child.stdout).on("line", (line) => {
        if (!line.includes("completed optimizing")) return;
        optimizedBefore++;
        resolve();
      });
    });
    for await (const line of createInterface(child.stderr)) {
      const event = JSON.parse(line) as { event: string; port?: number };
      if (event.event === "listening" && event.port !== undefined) {
        assert.equal(optimizedBefore, 0);
        keepAsking(t, event.port);
        break;
      }
    }
    await optimized;
  },
);
