// README.md is true: what it tells to type works, what it names is there.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { hasPeer } from "../support/peers.ts";

const readme = readFileSync("README.md", "utf8");

/** That many different free ports. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}

/** The block to paste of "Your own file", the ports being free ones here. */
async function ownFile(): Promise<{ block: string; services: readonly string[] }> {
  const section = /^## Your own file\n(.*?)^## /ms.exec(readme)?.[1] ?? "";
  const block = /^```sh\n(.*?)^```$/ms.exec(section)?.[1] ?? "";
  const named = Array.from(new Set(block.match(/\b(?:4140|9990|808\d)\b/g)));
  const free = await freePorts(named.length);
  const here = named.reduce((text, port, i) => text.replaceAll(port, String(free[i])), block);
  return { block: here, services: /\[(\d+), (\d+)\]/.exec(here)?.slice(1) ?? [] };
}

/** As a shell that somebody pastes the text into; in a folder that has the checkout's `bin`. */
async function pasted(
  t: TestContext,
  text: string,
): Promise<{ code: number | null; out: string; error: string }> {
  const folder = mkdtempSync(join(tmpdir(), "switchyard-readme-"));
  t.after(() => rmSync(folder, { recursive: true }));
  symlinkSync(resolve("bin"), join(folder, "bin"));
  const node = dirname(process.execPath);
  const child = spawn("sh", ["-e"], {
    cwd: folder,
    detached: true, // a group: what it left running ends with the test
    env: { ...process.env, PATH: `${node}:${process.env["PATH"]}` },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const endAll = () => {
    try {
      process.kill(-(child.pid ?? 0), "SIGKILL");
    } catch {
      // nothing was left
    }
  };
  t.after(endAll);
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (said: string) => (out += said));
  let error = "";
  child.stderr.setEncoding("utf8").on("data", (said: string) => (error += said));
  child.stdin.end(text);
  const closed = once(child, "close"); // also of what runs in the background: it has the same output
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) endAll();
  await closed;
  return { code, out, error };
}

test("the block of README.md for a file of one's own does what it says when it is pasted", async (t) => {
  if (!hasPeer(t, "curl")) return;
  const { block, services } = await ownFile();
  const { code, out, error } = await pasted(t, block);
  assert.equal(code, 0, out + error);
  const lines = out.trimEnd().split("\n");
  assert.equal(lines[0], "hello.yaml: ok");
  assert.match(out, new RegExp(`127\\.0\\.0\\.1:${services[0]}\\b`), "how the name resolves");
  assert.ok(services.includes(lines.at(-1) ?? ""), `one of ${services.join()} responded: ${out}`);
});

test("no command of README.md has a comment behind it: some shells take it for arguments", () => {
  for (const [, block = ""] of readme.matchAll(/^```sh\n(.*?)^```$/gms)) {
    const commands = block.replace(/<<'END'\n.*?^END$/gms, "");
    assert.doesNotMatch(commands, /\s#/);
  }
});

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync("docs", { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join("docs", name)),
];

test("every npm script that a page names exists", () => {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as {
    scripts: Readonly<Record<string, string>>;
  };
  for (const page of pages) {
    for (const [, name = ""] of readFileSync(page, "utf8").matchAll(/npm run (?:-s )?([\w:]+)/g)) {
      assert.ok(scripts[name] !== undefined, `${page}: npm run ${name}`);
    }
  }
});

test("every file of the sources that a page names exists", () => {
  const named = /(?<![\w./-])(?:src|protocols|test|scripts|bin|demo|bench|docs)\/[\w./-]*[\w/]/g;
  for (const page of pages) {
    for (const [file] of readFileSync(page, "utf8").matchAll(named)) {
      const isWritten = file.startsWith("bench/results"); // by a benchmark, when it has run
      assert.ok(isWritten || existsSync(file), `${page}: ${file}`);
    }
  }
});
