import assert from "node:assert/strict";
import { test } from "node:test";
import { isRefusal } from "../../../../protocols/http/codec/refusal.ts";
import { diagnose, maxForwards } from "../../../../protocols/http/filters/diagnostics.ts";
import type { HttpRequest } from "../../../../protocols/http/message.ts";
import { parseDtab } from "../../../../src/core/names/dtab.ts";
import { pathLiteral } from "../../../../src/core/names/path.ts";
import { stack } from "../../../../src/core/service.ts";
import { simulatedClock } from "../../../support/clock.ts";
import { outcomeOf } from "../../../support/outcome.ts";
import { seeded } from "../../../support/random.ts";
import {
  responding,
  boundTo,
  request,
  response,
  stranger,
  textBody,
  textOf,
  defaultContext,
} from "../messages.ts";
import type { Parts } from "../messages.ts";

const clock = simulatedClock();
const shared = defaultContext({ clock, random: seeded(1) });

/** As the server's filters leave it: the context has been read. */
function incoming(parts: Parts<HttpRequest>): HttpRequest {
  const asked = request(parts);
  shared.read(asked);
  return asked;
}

const trace = (fields: string[], parts: Parts<HttpRequest> = {}) =>
  incoming({ method: "TRACE", fields, context: ["l5d-add-context", "true"], ...parts });

/** Server and wire, with a router between them that sends everything to one endpoint. */
function proxy(service: ReturnType<typeof responding>["service"]) {
  const wire = diagnose({
    clock,
    label: "outgoing",
    explain: (dst: string) => `${dst}\n/#/io.l5d.fs/web`,
    seesInternals: (caller) => caller.isLocal,
  });
  return stack(
    [
      maxForwards,
      (asked, reply, next) => {
        asked.logicalName = pathLiteral("/svc/web");
        asked.bound = boundTo("/#/io.l5d.fs/web");
        asked.endpoint = { host: "10.0.0.7", port: 80, weight: 1 };
        return next(asked, reply);
      },
      wire,
    ],
    service,
  );
}

const report = `--- Router: outgoing ---
request duration: 0.0 ms
service name: /svc/web
client name: /#/io.l5d.fs/web
residual: /
selected address: 10.0.0.7:80
`;

test("Max-Forwards counts down for TRACE and OPTIONS, and is left alone for others", async () => {
  const { seen, service } = responding();
  for (const method of ["TRACE", "OPTIONS", "GET"]) {
    await outcomeOf(proxy(service), incoming({ method, fields: ["Max-forwards", "3"] }));
  }
  assert.deepEqual(
    seen.map(({ fields }) => fields.list[1]),
    ["2", "2", "3"],
  );
});

test("a Max-Forwards that is not a number is refused with 400", async () => {
  for (const text of ["x", "-1", "1.5", "", "99999999999"]) {
    const { failure } = await outcomeOf(proxy(responding().service), trace(["Max-Forwards", text]));
    assert.equal(failure !== null && isRefusal(failure) ? failure.status : 0, 400, text);
  }
});

test("OPTIONS with Max-Forwards: 0 gets its response here, without a body", async () => {
  const { seen, service } = responding();
  const asked = incoming({ method: "OPTIONS", fields: ["Max-Forwards", "0"] });
  const { response: answer } = await outcomeOf(proxy(service), asked);
  assert.deepEqual([answer?.status, textOf(answer), seen.length], [200, "", 0]);
});

test("TRACE with Max-Forwards: 0 is reflected without its secrets", async () => {
  const { seen, service } = responding();
  const fields = ["Max-Forwards", "0", "Cookie", "c", "AUTHORIZATION", "a", "X-Y", "z"];
  const asked = incoming({ method: "TRACE", fields, target: "/a?b", via: "1.1 switchyard" });
  const { response: answer } = await outcomeOf(proxy(service), asked);
  assert.equal(seen.length, 0);
  assert.deepEqual(answer?.fields.list, ["Content-Type", "message/http"]);
  assert.equal(
    textOf(answer),
    "TRACE /a?b HTTP/1.1\r\nHost: web\r\nVia: 1.1 switchyard\r\nMax-Forwards: 0\r\nX-Y: z\r\n\r\n",
  );
});

test("a diagnostic TRACE that ends here reports where it would have gone", async () => {
  const { seen, service } = responding();
  const { response: answer } = await outcomeOf(proxy(service), trace(["Max-Forwards", "0"]));
  assert.equal(seen.length, 0);
  const text = textOf(answer);
  assert.ok(text.startsWith(report), text);
  assert.match(text, /\nrequest id: [0-9a-f]{16}\n/);
  assert.ok(text.endsWith("dtab resolution:\n  /svc/web\n  /#/io.l5d.fs/web\n"), text);
});

test("a diagnostic TRACE that is forwarded has the report behind the response's own body", async () => {
  const { service } = responding(() => response({ status: 405, body: textBody("no TRACE here") }));
  const { response: answer } = await outcomeOf(proxy(service), trace([]));
  assert.equal(answer?.status, 405);
  assert.ok(textOf(answer).startsWith(`no TRACE here\n${report}`), textOf(answer));
});

test("the overrides of the call are in the report", async () => {
  const local = parseDtab("/svc=>/a");
  assert.ok(local.ok);
  const asked = trace([]);
  asked.localDtab = local.value;
  const { response: answer } = await outcomeOf(proxy(responding().service), asked);
  assert.match(textOf(answer), /\noverride dtab: \/svc=>\/a\n/);
});

test("a body that flows or is encoded is replaced by a note that describes it", async () => {
  let cancelled = 0;
  const flowing = {
    ...textBody(""),
    length: null,
    whole: null,
    cancel: () => void cancelled++,
  };
  const fields = ["Content-Type", "text/html", "Set-Cookie", "s"];
  const encoded = ["Content-Encoding", "gzip"];
  const cases = [
    response({ body: flowing, fields }),
    response({ body: textBody("x"), fields: encoded }),
  ];
  for (const given of cases) {
    const { response: answer } = await outcomeOf(proxy(responding(() => given).service), trace([]));
    const text = textOf(answer);
    assert.match(text, /^The response had a body that was not kept\.\nstatus: 200\nContent-/);
    assert.ok(!text.includes("Set-Cookie"));
    assert.ok(text.includes(report));
    assert.deepEqual(answer?.fields.list, ["Content-Type", "text/plain; charset=utf-8"]);
  }
  assert.equal(cancelled, 1);
});

test("callers that may not see internal names see only that the proxy was there", async () => {
  const asked = trace(["Max-Forwards", "0"], { peer: stranger });
  const { response: answer } = await outcomeOf(proxy(responding().service), asked);
  assert.equal(
    textOf(answer),
    "--- Router: outgoing ---\nwhat it did is not shown to this caller (key errorDetail)\n",
  );
});

test("a TRACE without the request for a report, and other methods with it, are left alone", async () => {
  const { service } = responding(() => response({ body: textBody("own") }));
  const plain = incoming({ method: "TRACE", context: ["l5d-add-context", "no"] });
  const get = incoming({ context: ["l5d-add-context", "true"] });
  for (const asked of [plain, get]) {
    const { response: answer } = await outcomeOf(proxy(service), asked);
    assert.equal(textOf(answer), "own");
  }
});
