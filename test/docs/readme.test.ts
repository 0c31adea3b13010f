// README.md is true: what it tells to type works, what it names is there.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";

const readme = readFileSync("README.md", "utf8");

/** That many different free ports. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}

/** The file and the commands of "Your own file", the ports being free ones here. */
async function ownFile(): Promise<{ yaml: string; commands: readonly string[] }> {
  const section = /^## Your own file\n(.*?)^## /ms.exec(readme)?.[1] ?? "";
  const named = Array.from(new Set(section.match(/\b(?:4140|9990|808\d)\b/g)));
  const free = await freePorts(named.length);
  const here = named.reduce((text, port, i) => text.replaceAll(port, String(free[i])), section);
  const yaml = /^```yaml\n(.*?)^```$/ms.exec(here)?.[1] ?? "";
  const commands = Array.from(here.matchAll(/^ {4}(\S.*)$/gm), ([, command = ""]) => command);
  return { yaml, commands };
}

function shell(t: TestContext, command: string, cwd: string) {
  const known = command
    .replace(/^bin\/switchyard/, `exec "${process.execPath}" "${resolve("bin/switchyard")}"`)
    .replace(/^node /, `exec "${process.execPath}" `)
    .replace(/ &$/, "");
  const child = spawn("sh", ["-c", known], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => void child.kill("SIGKILL"));
  let out = "";
  let error = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (error += text));
  const ended = once(child, "close").then(() => ({ code: child.exitCode, out, error }));
  const says = (what: string) =>
    new Promise<void>((done) => {
      child.stderr.on("data", () => error.includes(what) && done());
    });
  return { ended, says };
}

/** As curl would, with its `-H`. */
function curl(command: string): Promise<{ status: number; body: string }> {
  const [, name, value = ""] = /-H '(.*?): (.*?)'/.exec(command) ?? [];
  const url = /http:\S+/.exec(command)?.[0] ?? "";
  return new Promise((done, failed) => {
    const call = request(
      url,
      { headers: name === undefined ? {} : { [name]: value }, agent: false },
      (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (text: string) => (body += text));
        response.on("end", () => done({ status: response.statusCode ?? 0, body }));
      },
    );
    call.on("error", failed).end();
  });
}

/** Repeats the command until it succeeds, because earlier commands run in the background. */
async function untilSuccess(command: string): Promise<{ status: number; body: string }> {
  for (;;) {
    try {
      return await curl(command);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") throw error;
      await new Promise((resolved) => setTimeout(resolved, 20));
    }
  }
}

test("the commands of README.md for a file of one's own do what they say", async (t) => {
  const { yaml, commands } = await ownFile();
  const folder = mkdtempSync(join(tmpdir(), "switchyard-readme-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "hello.yaml"), yaml);
  const [check = "", explain = "", service = "", run = "", call = "", ...more] = commands;
  assert.deepEqual(more, []);
  const checked = await shell(t, check, folder).ended;
  assert.deepEqual([checked.code, checked.out], [0, "hello.yaml: ok\n"], checked.error);
  const explained = await shell(t, explain, folder).ended;
  const [port] = /(?<=\[)\d+/.exec(service) ?? [];
  assert.equal(explained.code, 0, explained.error);
  assert.match(explained.out, new RegExp(`127\\.0\\.0\\.1:${port}\\b`));
  shell(t, service, folder);
  await untilSuccess(`curl http://127.0.0.1:${port}/`);
  await shell(t, run, folder).says('"initialized"');
  const { status, body } = await untilSuccess(call);
  assert.equal(status, 200, body);
  assert.match(service, new RegExp(`\\b${body.trim()}\\b`), "one of the services has responded");
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
