// Instances that hang, send garbage or never end: each is a problem in words, and the others are not hurt.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { service } from "../../support/service.ts";
import { startFleet, startMesh, untilOverview } from "./support.ts";

/** Writes for as long as somebody reads. */
function endless(response: ServerResponse, text: string): void {
  const more = () => {
    while (response.write(text));
  };
  response.on("drain", more);
  more();
}

const header = JSON.stringify({
  switchyardFleet: 1,
  run: "r",
  at: 0,
  startedAt: 0,
  slice: 0,
  sliceMs: 10_000,
  version: "1",
  configHash: "x",
  routers: [{ label: "<script>alert(1)</script>", protocol: "http", servers: ["x"] }],
});

const hostile: Readonly<Record<string, (response: ServerResponse) => void>> = {
  hangs: () => {},
  "hangs-in-its-body": (response) => void response.write(`${header}\n`),
  garbage: (response) => void response.end("<html>welcome to the printer</html>\n".repeat(10)),
  "one-endless-line": (response) => endless(response, "x".repeat(64 * 1024)),
  "endless-rows": (response) => {
    response.write(`${header}\n`);
    endless(response, `["service",0,"/svc/x",1,1,0,0,0,0,0,0,[]]\n`.repeat(1_000));
  },
  redirects: (response) => void response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
  refuses: (response) => void response.writeHead(403).end("you may not"),
  "is-old": (response) => void response.writeHead(404).end(),
  truncated: (response) => void response.end(`${header}\n`),
  disconnects: (response) => void response.destroy(),
};

const words: Readonly<Record<string, RegExp>> = {
  hangs: /did not respond within 1000 ms/,
  "hangs-in-its-body": /did not finish its response within 1000 ms/,
  garbage: /not one of switchyard's: it begins with "<html>welcome/,
  "one-endless-line": /a line has more than 65536 bytes|sent more than 0\.1 MB/,
  "endless-rows": /sent more than 0\.1 MB, which is not read/,
  redirects: /responds with 302, a redirection to http:\/\/127\.0\.0\.1:1\/, which is not followed/,
  refuses: /responds with 403: you may not/,
  "is-old": /responds with 404: it is an older switchyard/,
  truncated: /the page ends in the middle/,
  disconnects: /closes the connection without a response/,
};

test("a good instance among hostile ones is watched as if they were not there", async (t) => {
  const mesh = await startMesh(t);
  const bad = await Promise.all(
    Object.entries(hostile).map(async ([name, answer]) => {
      const { port } = await service(t, (_, response) => answer(response));
      return `${name} 127.0.0.1:${port}`;
    }),
  );
  const all = [`good 127.0.0.1:${mesh.web.adminPort}`, ...bad];
  const fleet = await startFleet(t, `maxPageKB: 64, instances: [${all.join(", ")}]`);
  const { instances, problems } = await untilOverview(
    fleet,
    (each) =>
      each.instances.length > 10 && each.instances.every(({ state }) => state !== "not asked yet"),
    "all have been asked",
  );
  for (const { name, state, text } of instances) {
    if (name === "good") assert.equal(state, "ready");
    else {
      assert.equal(state, "down", name);
      assert.match(text, words[name] ?? /^$/, name);
      assert.ok(
        problems.some((problem) => problem.text.startsWith(`${name} (`)),
        `a problem of ${name}`,
      );
    }
  }
  // They stay hostile, and the good one stays watched.
  const seen = instances.find(({ name }) => name === "good")?.lastSeen ?? "";
  await untilOverview(
    fleet,
    (each) => (each.instances.find(({ name }) => name === "good")?.lastSeen ?? "") > seen,
    "the good one is still asked",
  );
});
