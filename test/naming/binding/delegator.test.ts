import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { failure } from "../../../src/core/failure.ts";
import { cell, constant, failed, late, ok, pending, softlyFailed } from "../../../src/core/live.ts";
import type { Cell, Live, State } from "../../../src/core/live.ts";
import { leaf, neg } from "../../../src/core/names/nametree.ts";
import type { NameTree } from "../../../src/core/names/nametree.ts";
import type { AddressSet, Bound, Delegation, MountedNamer } from "../../../src/core/naming.ts";
import { join, pathLiteral, root } from "../../../src/core/names/path.ts";
import type { Path } from "../../../src/core/names/path.ts";
import {
  bindsTo,
  delegationToJson,
  isSettled,
  readDelegation,
} from "../../../src/naming/binding/delegation.ts";
import { dtabInterpreter } from "../../../src/naming/binding/binder.ts";
import { inOrder } from "../../../src/naming/binding/lookup.ts";
import { traceText } from "../../../src/naming/binding/trace.ts";
import { utilityNamer } from "../../../src/naming/built-in/built-in.ts";
import { simulatedClock } from "../../support/clock.ts";
import { dtabLiteral, fakeHosts } from "../../support/naming.ts";

type Found = Live<NameTree<Bound | Path>>;

const hash = pathLiteral("/#");

function namer(found: Readonly<Record<string, Found>>): MountedNamer {
  return {
    id: hash,
    namer: { lookup: (path) => found[path] ?? constant(ok(neg)), close() {} },
  };
}

function boundTo(path: string, addresses: Live<AddressSet>): Found {
  const id = join(hash, pathLiteral(path));
  return constant(ok(leaf({ id, residual: root, addresses })));
}

function addresses(...texts: readonly string[]): AddressSet {
  return texts.map((text) => {
    const [host = "", port = ""] = text.split(":");
    return { host, port: Number(port), weight: 1 };
  });
}

function delegating(found: Readonly<Record<string, Found>>) {
  return dtabInterpreter(inOrder([namer(found)], utilityNamer(fakeHosts())));
}

function delegated(
  t: TestContext,
  found: Readonly<Record<string, Found>>,
  dtab: string,
  path: string,
): Live<Delegation> {
  const live = delegating(found).delegate(dtabLiteral(dtab), pathLiteral(path));
  t.after(live.watch(() => {}));
  return live;
}

function value(state: State<Delegation>): Delegation {
  if (state.kind !== "ok") assert.fail(state.kind);
  return state.value;
}

test("the trace shows each alternative, by which dentry, and what it gave", (t) => {
  const found = {
    "/a": boundTo("/a", constant(ok(addresses("10.0.0.1:80", "10.0.0.2:80")))),
    "/broken": constant(failed(failure("unresolved", "no leader"))) satisfies Found,
    "/slow": cell<NameTree<Bound | Path>>(),
  };
  const dtab =
    "/svc => /#/broken ; /svc => 9 * /#/a & 1 * /host ; /svc => /#/none | /#/none2 ; /host => /#/slow";
  const live = delegated(t, found, dtab, "/svc");
  assert.equal(
    traceText(value(live.state)),
    [
      "/svc  4 alternatives",
      "  /#/none  (/svc => /#/none | /#/none2)  no such name",
      "  /#/none2  (/svc => /#/none | /#/none2)  no such name",
      "  /svc  (/svc => 9.00*/#/a & /host)  split 2 ways",
      "    90% /#/a  (/svc => 9.00*/#/a & /host)  2 addresses: 10.0.0.1:80, 10.0.0.2:80",
      "    10% /host  (/svc => 9.00*/#/a & /host)",
      "      /#/slow  (/host => /#/slow)  pending: discovery has not responded yet",
      "  /#/broken  (/svc => /#/broken)  failed: no leader (not used)",
    ].join("\n"),
  );
});

test("what discovery is late with leaves its turn to the alternative, as in binding", (t) => {
  const slow = cell<NameTree<Bound | Path>>(late("Consul at a:1 has not responded within 900 ms"));
  const found = { "/slow": slow, "/a": boundTo("/a", constant(ok(addresses("10.0.0.1:80")))) };
  const live = delegated(t, found, "/svc => /#/slow | /#/a", "/svc");
  assert.equal(bindsTo(value(live.state)), "leaf");
  const rule = "(/svc => /#/slow | /#/a)";
  assert.equal(
    traceText(value(live.state)),
    [
      "/svc  2 alternatives",
      `  /#/slow  ${rule}  pending: Consul at a:1 has not responded within 900 ms`,
      `  /#/a  ${rule}  1 address: 10.0.0.1:80`,
    ].join("\n"),
  );
  slow.set(softlyFailed(failure("unresolved", "refused")));
  assert.equal(bindsTo(value(live.state)), "leaf");
  assert.match(traceText(value(live.state)), /\/#\/slow .* failed: refused\n/);
  slow.set(pending);
  assert.equal(bindsTo(value(live.state)), "pending");
});

test("colours are optional; without them the text has no escapes", (t) => {
  const live = delegated(t, { "/a": boundTo("/a", constant(ok([]))) }, "/svc => /#/a", "/svc");
  const delegation = value(live.state);
  assert.ok(!traceText(delegation).includes("\u001b"));
  assert.match(
    traceText(delegation, { colour: true }),
    /\u001b\[32m.*bound to no addresses\u001b\[0m/,
  );
});

test("a long trace is cut, and says by how much and what fails below the cut", (t) => {
  const dtab = "/a => /a/x & /a/y";
  const live = delegated(t, {}, dtab, "/a");
  const lines = traceText(value(live.state), { maxLines: 10 }).split("\n");
  assert.equal(lines.length, 12);
  assert.match(lines[10] ?? "", /^\.\.\. and \d+ more lines$/);
  assert.match(lines[11] ?? "", /^\.\.\. failed: /);
});

test("a line that a loop repeats is written once and counted", (t) => {
  const live = delegated(t, {}, "/svc => /#/a ; /svc/loop => /svc/loop", "/svc/loop");
  const lines = traceText(value(live.state)).split("\n");
  assert.equal(lines.length, 5, lines.join("\n"));
  assert.match(lines[1] ?? "", /failed: Max recursion level reached/);
  assert.match(lines[3] ?? "", /no such name \(not used\)$/);
  assert.equal(lines[4], "  ... and 98 more of the same");
});

test("a name that reached no namer says why, but not in Linkerd's JSON", (t) => {
  const users = { id: pathLiteral("/#/users"), namer: namer({}).namer };
  const table = dtabLiteral("/svc => /#/usres | /#/users | /host");
  const live = dtabInterpreter([users]).delegate(table, pathLiteral("/svc"));
  t.after(live.watch(() => {}));
  const results = traceText(value(live.state))
    .split("\n")
    .flatMap((line) => / {2}(no such name.*)$/.exec(line)?.slice(1) ?? []);
  assert.deepEqual(results, [
    "no such name: no namer has this prefix (there is /#/users)",
    "no such name",
    "no such name: no dentry matches",
  ]);
  assert.ok(!JSON.stringify(delegationToJson(value(live.state))).includes("prefix ("));
});

test("what is pending appears once it is known, addresses too", (t) => {
  const slow: Cell<NameTree<Bound | Path>> = cell();
  const live = delegated(t, { "/a": slow }, "/svc => /#/a", "/svc");
  assert.equal(bindsTo(value(live.state)), "pending");
  assert.ok(!isSettled(value(live.state)));
  const found: Cell<AddressSet> = cell();
  slow.set(ok(leaf({ id: pathLiteral("/#/a"), residual: root, addresses: found })));
  assert.equal(bindsTo(value(live.state)), "leaf");
  assert.ok(!isSettled(value(live.state)), "its addresses are still pending");
  found.set(ok(addresses("10.0.0.1:80")));
  assert.ok(isSettled(value(live.state)));
});

test("a single ~ does not hide the namer, and the delegation shows both", (t) => {
  const found = { "/a": boundTo("/a", constant(ok(addresses("10.0.0.1:80")))) };
  const live = delegated(t, found, "/#/a => ~", "/#/a");
  assert.equal(
    traceText(value(live.state)),
    [
      "/#/a  2 alternatives",
      "  ~  (/#/a => ~)  '~' says there is no such name",
      "  /#/a  1 address: 10.0.0.1:80",
    ].join("\n"),
  );
});

test("a namer that rewrites is a step of its own", (t) => {
  const live = delegated(t, {}, "/host => /$/nil", "/$/io.buoyant.http.domainToPath/a.host");
  assert.deepEqual(delegationToJson(value(live.state)), {
    type: "delegate",
    path: "/$/io.buoyant.http.domainToPath/a.host",
    delegate: {
      type: "delegate",
      path: "/host/a",
      delegate: {
        type: "empty",
        path: "/$/nil/a",
        dentry: { prefix: "/host", dst: "/$/nil" },
      },
    },
  });
});

test("the JSON has addresses with their weight and meta, or says why there are none", (t) => {
  const weighted: AddressSet = [
    { host: "10.0.0.1", port: 80, weight: 0.5, meta: { authority: "web" } },
  ];
  const found = {
    "/a": boundTo("/a", constant(ok(weighted))),
    "/b": boundTo("/b", constant(failed(failure("unresolved", "boom")))),
    "/c": boundTo("/c", constant(ok("neg"))),
    "/d": boundTo("/d", cell<AddressSet>()),
  };
  const live = delegated(t, found, "/svc => /#/a | /#/b | /#/c | /#/d", "/svc");
  const { alt } = delegationToJson(value(live.state)) as { alt: { bound: { addr: unknown } }[] };
  assert.deepEqual(
    alt.map(({ bound }) => bound.addr),
    [
      {
        type: "bound",
        addrs: [
          { ip: "10.0.0.1", port: 80, meta: { authority: "web", endpoint_addr_weight: 0.5 } },
        ],
        meta: {},
      },
      { type: "failed", cause: "boom" },
      { type: "neg" },
      { type: "pending" },
    ],
  );
});

test("a delegation is read once it is settled, or as it is when time is up", () => {
  const clock = simulatedClock();
  const slow: Cell<NameTree<Bound | Path>> = cell();
  const binder = delegating({ "/a": slow });
  const read: string[] = [];
  const note = (state: State<Delegation>) => read.push(bindsTo(value(state)));
  const live = binder.delegate(dtabLiteral("/svc => /#/a"), pathLiteral("/svc"));
  readDelegation(live, clock, 2_000, note);
  assert.deepEqual(read, []);
  clock.advance(2_000);
  assert.deepEqual(read, ["pending"]);
  readDelegation(live, clock, 2_000, note);
  slow.set(ok(neg));
  assert.deepEqual(read, ["pending", "neg"]);
  readDelegation(live, clock, 2_000, note);
  assert.deepEqual(read, ["pending", "neg", "neg"]);
  assert.equal(clock.waiting, 0);
});
