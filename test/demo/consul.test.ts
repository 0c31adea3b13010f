// The demo on a real Consul, as a person starts it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { freePorts } from "../../demo/ports.ts";
import { nameOver, protocols } from "../../demo/via.ts";
import { consulAgent } from "../support/consul.ts";
import { hasPeer } from "../support/peers.ts";

const main = fileURLToPath(new URL("../../demo/main.js", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly printed: string;
}

function run(
  t: TestContext,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  t.after(() => child.kill("SIGTERM"));
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (printed += text));
  }
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, printed })));
}

test("the self-check is well on a Consul that the demo starts and stops", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const [port = 0] = await freePorts(1);
  const { code, printed } = await run(t, ["--consul-port", `${port}`, "--self-check"]);
  assert.equal(code, 0, printed);
  assert.match(printed, /all \d+ steps passed/);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/v1/status/leader`), "it still runs");
});

test("on an agent that runs already, registrations come and go", async (t) => {
  if (!hasPeer(t, "consul")) return;
  const agent = await consulAgent(t);
  const child = spawn(process.execPath, [main, "--consul-port", `${agent.port}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGTERM"));
  const ended = new Promise((resolve) => child.once("close", resolve));
  let printed = "";
  await new Promise<void>((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      if (printed.includes("Ctrl-C stops everything")) resolve();
    });
  });
  assert.ok(printed.includes(`Consul at http://127.0.0.1:${agent.port}/ui/`), printed);
  const names = async () =>
    Object.keys((await agent.get("/v1/catalog/services")) as Record<string, unknown>).sort();
  const rates = ["rates", "rates-1", "rates-2"].flatMap((each) =>
    protocols.map((protocol) => nameOver(protocol, each)),
  );
  assert.deepEqual(await names(), ["consul", "converter", ...rates, "web"].sort());
  child.kill("SIGINT");
  await ended;
  assert.deepEqual(await names(), ["consul"]);
});

test("without the program the demo says how to get it", async (t) => {
  const [port = 0] = await freePorts(1);
  const { code, printed } = await run(t, ["--consul-port", `${port}`], { PATH: "/nowhere" });
  assert.equal(code, 1);
  assert.match(printed, /no agent responds on port \d+[^]*scripts\/install-peers/);
});

test("a port that another program uses is reported as taken", async (t) => {
  const server = createServer((socket) => socket.end("HTTP/1.1 404 Not Found\r\n\r\n"));
  const [port = 0] = await freePorts(1);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { code, printed } = await run(t, ["--consul-port", `${port}`]);
  assert.equal(code, 1);
  assert.match(printed, /is taken by something that is not Consul/);
});
