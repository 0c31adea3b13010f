import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestContext } from "node:test";
import * as v from "valibot";
import type { Clock } from "../../../src/core/clock.ts";
import { ok } from "../../../src/core/live.ts";
import type { Live, State } from "../../../src/core/live.ts";
import type { NameTree } from "../../../src/core/names/nametree.ts";
import type { AddressSet, Bound, RunningNamer } from "../../../src/core/naming.ts";
import { pathLiteral } from "../../../src/core/names/path.ts";
import type { Path } from "../../../src/core/names/path.ts";
import { fs } from "../../../src/naming/namers/fs.ts";
import { simulatedClock } from "../../support/clock.ts";
import { realClock } from "../../support/real-clock.ts";
import { testFolder } from "../../support/folder.ts";
import { fakeHosts, keptLog, namerDeps, stateWhen, stayingAlive } from "../../support/naming.ts";

function setup(t: TestContext, clock: Clock = realClock) {
  const folder = testFolder(t);
  const log = keptLog();
  const hosts = fakeHosts();
  const config = v.parse(fs.schema, { kind: "io.l5d.fs", rootDir: folder.path });
  const namer = fs.create(config, namerDeps("/#/io.l5d.fs", { clock, log, hosts }));
  t.after(() => namer.close());
  return { folder, log, hosts, namer };
}

type Found = NameTree<Bound | Path>;

function watched<T>(t: TestContext, live: Live<T>): Live<T> {
  t.after(live.watch(() => {}));
  return live;
}

async function treeWhen(live: Live<Found>, kind: Found["kind"]): Promise<Bound | null> {
  const state = await stateWhen(live, (each) => each.kind === "ok" && each.value.kind === kind);
  assert.ok(state.kind === "ok");
  const tree = state.value;
  return tree.kind === "leaf" && typeof tree.value !== "string" ? tree.value : null;
}

async function boundAt(t: TestContext, namer: RunningNamer, path: string): Promise<Bound> {
  const bound = await treeWhen(watched(t, namer.lookup(pathLiteral(path))), "leaf");
  assert.ok(bound !== null);
  watched(t, bound.addresses);
  return bound;
}

function texts(state: State<AddressSet>): string {
  if (state.kind !== "ok") return state.kind;
  if (state.value === "neg") return "neg";
  return state.value.map((each) => `${each.host} ${each.port} * ${each.weight}`).join(", ");
}

async function addressesBecome(bound: Bound, expected: string): Promise<void> {
  await stateWhen(bound.addresses, (state) => texts(state) === expected);
}

test("a file is a name; what follows is left over", async (t) => {
  const { folder, namer } = setup(t);
  folder.write("users", "127.0.0.1 8080\n# a comment\n\n 10.0.0.2\t9090 * 0.5 # half\r\n::1 80\n");
  const bound = await boundAt(t, namer, "/users/rest/of/it");
  assert.equal(bound.id, "/#/io.l5d.fs/users");
  assert.equal(bound.residual, "/rest/of/it");
  await addressesBecome(bound, "127.0.0.1 8080 * 1, 10.0.0.2 9090 * 0.5, ::1 80 * 1");
});

test("folders take a segment more each, and are no names themselves", async (t) => {
  const { folder, namer } = setup(t);
  folder.write("team/blue/web", "127.0.0.1 80\n");
  const bound = await boundAt(t, namer, "/team/blue/web/x");
  assert.deepEqual([bound.id, bound.residual], ["/#/io.l5d.fs/team/blue/web", "/x"]);
  await treeWhen(namer.lookup(pathLiteral("/team/blue")), "neg");
  await treeWhen(namer.lookup(pathLiteral("/")), "neg");
});

test("a file that appears, changes and disappears is followed", async (t) => {
  const { folder, namer } = setup(t);
  const live = watched(t, namer.lookup(pathLiteral("/users")));
  await treeWhen(live, "neg");
  folder.write("users", "10.0.0.1 80\n");
  const bound = await treeWhen(live, "leaf");
  assert.ok(bound !== null);
  watched(t, bound.addresses);
  await addressesBecome(bound, "10.0.0.1 80 * 1");
  folder.write("users", "10.0.0.2 80\n");
  await addressesBecome(bound, "10.0.0.2 80 * 1");
  folder.remove("users");
  await treeWhen(live, "neg");
});

test("a folder that comes later is followed, too", async (t) => {
  const { folder, namer } = setup(t);
  const live = watched(t, namer.lookup(pathLiteral("/team/web")));
  await treeWhen(live, "neg");
  folder.write("team/web", "10.0.0.1 80\n");
  assert.equal((await treeWhen(live, "leaf"))?.id, "/#/io.l5d.fs/team/web");
});

/** A file that is written in place, as careless writers do, and what its addresses were meanwhile. */
async function writing(t: TestContext) {
  const { folder, namer } = setup(t);
  const file = join(folder.path, "users");
  folder.write("users", "10.0.0.1 8080\n10.0.0.2 8080\n");
  const bound = await boundAt(t, namer, "/users");
  await addressesBecome(bound, "10.0.0.1 8080 * 1, 10.0.0.2 8080 * 1");
  const seen: string[] = [];
  t.after(bound.addresses.watch((state) => seen.push(texts(state))));
  return { file, bound, seen };
}

test("a half-written last line is no endpoint", async (t) => {
  const { file, bound, seen } = await writing(t);
  writeFileSync(file, "10.0.0.1 8080\n10.0.0.3 80");
  await sleep(150);
  appendFileSync(file, "81\n");
  await addressesBecome(bound, "10.0.0.1 8080 * 1, 10.0.0.3 8081 * 1");
  assert.deepEqual(seen, ["10.0.0.1 8080 * 1, 10.0.0.3 8081 * 1"]);
});

test("a file that is empty in the middle of a rewrite drops nothing", async (t) => {
  const { file, bound, seen } = await writing(t);
  for (let i = 3; i < 8; i++) {
    truncateSync(file);
    await sleep(30);
    appendFileSync(file, "10.0.0.1 8080\n");
    await sleep(5);
    appendFileSync(file, `10.0.0.${i} 8080\n`);
    await addressesBecome(bound, `10.0.0.1 8080 * 1, 10.0.0.${i} 8080 * 1`);
  }
  assert.equal(seen.length, 5, seen.join("; "));
});

test("a last line without a line feed counts when nobody adds to it for a while", async (t) => {
  const { file, bound, seen } = await writing(t);
  writeFileSync(file, "10.0.0.9 80");
  await addressesBecome(bound, "10.0.0.9 80 * 1");
  truncateSync(file);
  await addressesBecome(bound, "");
  assert.deepEqual(seen, ["10.0.0.9 80 * 1", ""]);
});

test("a file that is taken away and put back within a moment stays a name", async (t) => {
  const { folder, namer } = setup(t);
  folder.write("users", "10.0.0.1 80\n");
  const live = watched(t, namer.lookup(pathLiteral("/users")));
  const bound = await treeWhen(live, "leaf");
  assert.ok(bound !== null);
  watched(t, bound.addresses);
  const kinds: string[] = [];
  t.after(live.watch((state) => kinds.push(state.kind === "ok" ? state.value.kind : state.kind)));
  folder.remove("users");
  await sleep(30);
  folder.write("users", "10.0.0.2 80\n");
  await addressesBecome(bound, "10.0.0.2 80 * 1");
  assert.deepEqual(kinds, []);
});

test("an empty file is a name without addresses, not a missing name", async (t) => {
  const { folder, namer } = setup(t);
  folder.write("users", "# nobody yet\n");
  await addressesBecome(await boundAt(t, namer, "/users"), "");
});

test("a file that has gone is forgotten, and its replacement is read", async (t) => {
  const { folder, namer } = setup(t);
  folder.write("users", "10.0.0.1 80\n");
  const live = watched(t, namer.lookup(pathLiteral("/users")));
  await addressesBecome(await boundAt(t, namer, "/users"), "10.0.0.1 80 * 1");
  folder.remove("users");
  await treeWhen(live, "neg");
  assert.deepEqual(namer.watchState?.()["files"], {});
  folder.write("users", "10.0.0.2 80\n");
  await treeWhen(live, "leaf");
  await addressesBecome(await boundAt(t, namer, "/users"), "10.0.0.2 80 * 1");
});

test("one bad line: the log says where, and the last good set stays", async (t) => {
  const { folder, log, namer } = setup(t);
  folder.write("users", "10.0.0.1 80\n");
  const bound = await boundAt(t, namer, "/users");
  await addressesBecome(bound, "10.0.0.1 80 * 1");
  const warned = log.next();
  folder.write("users", "10.0.0.2 80\n10.0.0.3 http\n");
  await stayingAlive(warned);
  const file = join(folder.path, "users");
  const problem =
    `${file}:2: expected 'host port' or 'host port * weight' ` +
    "with a port of 1..65535, got '10.0.0.3 http'";
  assert.deepEqual(log.events, [
    { event: "bad address file", level: "warn", file, problem, kept: 1 },
  ]);
  assert.equal(texts(bound.addresses.state), "10.0.0.1 80 * 1");
  assert.equal(stateOf(namer, file)["problem"], problem);
  folder.write("users", "10.0.0.2 80\n");
  await addressesBecome(bound, "10.0.0.2 80 * 1");
  assert.equal(stateOf(namer, file)["problem"], null);
});

test("without a last good set, a bad line is why the name fails", async (t) => {
  const { folder, namer } = setup(t);
  folder.write("users", "nonsense\n");
  const bound = await boundAt(t, namer, "/users");
  const state = await stateWhen(bound.addresses, ({ kind }) => kind === "failed");
  assert.ok(state.kind === "failed");
  assert.match(state.why.detail, /users:1: expected 'host port' .*, got 'nonsense'$/);
});

test("a file of more than 500 KB is refused", async (t) => {
  const { folder, namer } = setup(t);
  folder.write("users", "#".repeat(500_001));
  const bound = await boundAt(t, namer, "/users");
  const state = await stateWhen(bound.addresses, ({ kind }) => kind === "failed");
  assert.ok(state.kind === "failed");
  assert.match(state.why.detail, /users has 500001 bytes; at most 500 KB are read$/);
});

test("host names are looked up and followed; all are waited for once", async (t) => {
  const { folder, hosts, namer } = setup(t);
  folder.write("users", "web.local 80 * 2\n10.0.0.9 80\n");
  const bound = await boundAt(t, namer, "/users");
  const steps = watchTexts(t, bound.addresses);
  await stateWhen(hosts.cell("web.local"), () => true);
  hosts.cell("web.local").set(ok(["10.0.0.1", "10.0.0.2"]));
  await addressesBecome(bound, "10.0.0.1 80 * 2, 10.0.0.2 80 * 2, 10.0.0.9 80 * 1");
  hosts.cell("web.local").set(ok(["10.0.0.3"]));
  await addressesBecome(bound, "10.0.0.3 80 * 2, 10.0.0.9 80 * 1");
  assert.equal(steps[0], "10.0.0.1 80 * 2, 10.0.0.2 80 * 2, 10.0.0.9 80 * 1");
});

test("no name leads out of the folder", async (t) => {
  const { folder, namer } = setup(t);
  folder.write("a/users", "10.0.0.1 80\n");
  for (const path of [
    "/..",
    "/a/../a/users",
    "/./a/users",
    "/\\x2e\\x2e/a",
    "/a\\x2fusers",
    "/a\\x5cusers",
    "/a/users\\x00",
  ]) {
    const state = await stateWhen(namer.lookup(pathLiteral(path)), ({ kind }) => kind === "ok");
    assert.deepEqual(state, ok({ kind: "neg" }), path);
  }
});

test("a set of files that is exchanged through a link, as Kubernetes does, is followed", async (t) => {
  const { folder, namer } = setup(t);
  folder.write("..1/users", "10.0.0.1 80\n");
  symlinkSync("..1", join(folder.path, "..data"));
  symlinkSync("..data/users", join(folder.path, "users"));
  const bound = await boundAt(t, namer, "/users");
  await addressesBecome(bound, "10.0.0.1 80 * 1");
  folder.write("..2/users", "10.0.0.2 80\n");
  folder.remove("..data");
  symlinkSync("..2", join(folder.path, "..data"));
  await addressesBecome(bound, "10.0.0.2 80 * 1");
});

test("what the system does not notice is seen by the slow look", async (t) => {
  const clock = simulatedClock(); // notices wait for a time that does not pass by itself
  const { folder, namer } = setup(t, clock);
  const live = watched(t, namer.lookup(pathLiteral("/users")));
  await treeWhen(live, "neg");
  writeFileSync(join(folder.path, "users"), "10.0.0.1 80\n");
  clock.advance(10_000);
  assert.equal((await treeWhen(live, "leaf"))?.id, "/#/io.l5d.fs/users");
});

test("names are listed, hidden files are not", (t) => {
  const { folder, namer } = setup(t);
  for (const name of ["b", "team/web", "a b", ".hidden"]) folder.write(name, "");
  mkdirSync(join(folder.path, "nothing"));
  assert.deepEqual(namer.boundNames?.(), [
    "/#/io.l5d.fs/\\x61\\x20\\x62",
    "/#/io.l5d.fs/b",
    "/#/io.l5d.fs/team/web",
  ]);
});

test("links are followed, and one that leads nowhere hides no other name", (t) => {
  const { folder, namer } = setup(t);
  folder.write("team/web", "");
  symlinkSync("team", join(folder.path, "alias"));
  symlinkSync("gone", join(folder.path, "dangling"));
  assert.deepEqual(namer.boundNames?.(), ["/#/io.l5d.fs/alias/web", "/#/io.l5d.fs/team/web"]);
});

test("ten thousand names are listed, and a warning says once that there are more", (t) => {
  const { folder, log, namer } = setup(t);
  for (let i = 0; i < 100; i++) folder.write(`team/${i}`, "");
  for (let i = 0; i < 100; i++) symlinkSync("team", join(folder.path, `alias${i}`));
  const listed = namer.boundNames?.().length ?? 0;
  assert.ok(listed > 9_000 && listed <= 10_000, `${listed}`);
  namer.boundNames?.();
  assert.deepEqual(log.events, [
    { event: "not all names listed", level: "warn", rootDir: folder.path, listed },
  ]);
});

test("links that go round in a circle are listed to a depth", (t) => {
  const { folder, log, namer } = setup(t);
  folder.write("team/web", "");
  symlinkSync(".", join(folder.path, "team", "self"));
  assert.equal(namer.boundNames?.().length, 7);
  assert.equal(log.events.length, 1);
});

test("nothing is watched after the last watcher", async (t) => {
  const { folder, namer } = setup(t);
  folder.write("users", "10.0.0.1 80\n");
  const live = namer.lookup(pathLiteral("/users"));
  const close = live.watch(() => {});
  await treeWhen(live, "leaf");
  assert.deepEqual(namer.watchState?.()["watchedFolders"], [folder.path]);
  close();
  assert.deepEqual(namer.watchState?.()["watchedFolders"], []);
});

test("a folder that is created later, with those above it, is noticed", async (t) => {
  const folder = testFolder(t);
  const rootDir = join(folder.path, "much", "later");
  const namer = fs.create(
    v.parse(fs.schema, { kind: "io.l5d.fs", rootDir }),
    namerDeps("/#/io.l5d.fs", { clock: realClock, log: keptLog(), hosts: fakeHosts() }),
  );
  t.after(() => namer.close());
  const users = watched(t, namer.lookup(pathLiteral("/users")));
  await treeWhen(users, "neg");
  mkdirSync(join(folder.path, "much"));
  folder.write("much/later/users", "127.0.0.1 8081");
  assert.equal((await treeWhen(users, "leaf"))?.id, "/#/io.l5d.fs/users");
});

test("a file in place of the folder is refused", (t) => {
  const folder = testFolder(t);
  folder.write("file", "");
  const file = join(folder.path, "file");
  assert.equal(problemOf(file), `expected a folder; ${file} is a file`);
});

function problemOf(rootDir: string): string {
  const result = v.safeParse(fs.schema, { kind: "io.l5d.fs", rootDir });
  return result.success ? "" : result.issues[0].message;
}

function stateOf(namer: RunningNamer, file: string): Readonly<Record<string, unknown>> {
  const state = (namer.watchState?.() ?? {}) as { files?: Record<string, Record<string, unknown>> };
  return state.files?.[file] ?? {};
}

function watchTexts(t: TestContext, live: Live<AddressSet>): string[] {
  const steps: string[] = [];
  t.after(live.watch((state) => state.kind === "ok" && steps.push(texts(state))));
  return steps;
}
