// Odd and broken calls and responses, all at once: the proxy goes on, and forgets no call.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hostileAnswer, hostileRequest } from "../support/hostile-http.ts";
import { startProxy } from "../support/proxy.ts";
import { seeded } from "../support/random.ts";
import { rawCaller } from "../support/raw.ts";
import { tcpService } from "../support/tcp.ts";
import { ask } from "../support/http-request.ts";

const seed = Number(process.env["SEED"] ?? 20_261_127);
const rounds = 20;
const callersEach = 25;
/** What has no response by then waits for the rest of its request. */
const patienceMs = 100;

test("callers and endpoints that speak broken HTTP harm no other", async (t) => {
  t.diagnostic(`seed ${seed}`);
  const random = seeded(seed);
  const { port } = await tcpService(t, (socket, text) => {
    if (/^host: good\r$/im.test(text)) {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
      return;
    }
    const answer = hostileAnswer(random);
    const cut = Math.floor(random() * answer.length);
    const ending = random();
    socket.write(answer.slice(0, cut), "latin1");
    setImmediate(() => {
      if (socket.destroyed) return;
      socket.write(answer.slice(cut), "latin1");
      if (ending < 0.2) socket.end();
      else if (ending < 0.4) socket.destroy();
    });
  });
  const kinds = ["header.token", "header", "methodAndHost", "path"];
  const router = (kind: string, i: number) => `
    - protocol: http
      label: ${kind}
      identifier: { kind: io.l5d.${kind} }
      errorDetail: ${i < 2 ? "full" : "none"}
      dtab: /svc => /$/inet/127.1/${port}
      service: { totalTimeoutMs: 300, responseClassifier: { kind: io.l5d.http.retryableRead5XX } }
      client: { requestAttemptTimeoutMs: 100, failureAccrual: { kind: none } }
      servers: [{ port: 0, clearContext: ${i % 2 === 1} }]`;
  const proxy = await startProxy(t, `    routers:${kinds.map(router).join("")}`);
  const call = async () => {
    const label = kinds[Math.floor(random() * kinds.length)] ?? "path";
    const caller = rawCaller(t, proxy.portOf(label));
    const count = 1 + Math.floor(random() * 3);
    const text = Array.from({ length: count }, () => hostileRequest(random)).join("");
    const cut = Math.floor(random() * text.length);
    caller.send(text.slice(0, cut));
    setImmediate(() => caller.send(text.slice(cut)));
    await Promise.race([caller.rest(), new Promise((done) => setTimeout(done, patienceMs))]);
    caller.socket.destroy();
  };
  for (let round = 0; round < rounds; round++) {
    await Promise.all(Array.from({ length: callersEach }, call));
    const { status, body } = await ask(proxy.portOf("header.token"), "/", { Host: "good" });
    assert.deepEqual([status, body], [200, "good"]);
  }
});
