// Ports for the demo and for tests: several processes look for some at the same time.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { freePorts, isFree } from "../../demo/ports.ts";

test("two processes that look for ports together get different ones", async (t) => {
  if (process.platform !== "linux") return t.skip("only Linux has an address to hold them on");
  const url = new URL("../../demo/ports.js", import.meta.url).href;
  const script = `import { freePorts } from ${JSON.stringify(url)};
    console.log(JSON.stringify(await freePorts(4_000)));
    process.stdin.resume();`;
  const finders = [0, 1].map(() => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    t.after(() => child.kill("SIGKILL"));
    return child;
  });
  const found = await Promise.all(
    finders.map(async ({ stdout }) => {
      let text = "";
      for await (const part of stdout.setEncoding("utf8")) {
        text += part as string;
        if (text.includes("\n")) break;
      }
      return JSON.parse(text) as readonly number[];
    }),
  );
  assert.equal(new Set(found.flat()).size, 8_000);
});

test("a port that somebody listens on is not free", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  assert.equal(await isFree((server.address() as AddressInfo).port), false);
  const [port = 0] = await freePorts(1);
  assert.equal(await isFree(port), true, "whoever was given it can listen on it");
});
