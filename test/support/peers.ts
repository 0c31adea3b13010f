// Real servers and tools that tests talk to when they are there (scripts/install-peers).
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

/** Programs that have been looked for. */
const found = new Map<string, boolean>();

function isThere(program: string): boolean {
  let isKnown = found.get(program);
  if (isKnown === undefined) {
    isKnown = spawnSync(program, ["--version"]).error === undefined;
    found.set(program, isKnown);
  }
  return isKnown;
}

/**
 * Whether the program is there. When not, the test is skipped, which is printed with the way to
 * get it; with REQUIRE_PEERS=1 it is an error.
 */
export function hasPeer(t: TestContext, program: string): boolean {
  if (isThere(program)) return true;
  skip(t, program);
  return false;
}

/** Debian's own goes first: that is where its packages are. */
const pythons = ["/usr/bin/python3", "python3"];

/** A Python that has that module, or null; then as `hasPeer`. */
export function pythonWith(t: TestContext, module: string): string | null {
  const python = pythons.find((each) => {
    return spawnSync(each, ["-c", `import ${module}`], { stdio: "ignore" }).status === 0;
  });
  if (python === undefined) skip(t, `python3-${module}`);
  return python ?? null;
}

/** From dist/test/support. */
const checkout = fileURLToPath(new URL("../../../", import.meta.url));

/** As scripts/install-peers tells which sources it built. */
function digestOfFinagle(): string {
  const sources = join(checkout, "test/peers/finagle");
  const files = readdirSync(sources, { recursive: true, encoding: "utf8" });
  const digest = createHash("sha256");
  for (const file of files.filter((name) => /\.(?:java|xml)$/.test(name)).sort()) {
    digest.update(readFileSync(join(sources, file)));
  }
  return digest.digest("hex");
}

/** The class path of test/peers/finagle, built from the sources as they are, or null; then as `hasPeer`. */
export function builtFinagle(t: TestContext): string | null {
  const folder = join(checkout, ".peers/finagle");
  const stamp = join(folder, "sources.sha256");
  const isBuilt =
    isThere("java") &&
    existsSync(stamp) &&
    readFileSync(stamp, "utf8").trim() === digestOfFinagle();
  if (isBuilt) return `${folder}/classes:${folder}/lib/*`;
  skip(t, "the Finagle peer, built from test/peers/finagle,", " --finagle");
  return null;
}

/** A file below `.peers`, which scripts/install-peers has put there, or null; then as `hasPeer`. */
export function peerFile(t: TestContext, path: string): string | null {
  const file = join(checkout, ".peers", path);
  if (existsSync(file)) return file;
  skip(t, path.split("/")[0]!);
  return null;
}

/** The jar of Zipkin's server, or null; then as `hasPeer`. */
export function zipkinJar(t: TestContext): string | null {
  const folder = join(checkout, ".peers/zipkin");
  const [jar] = existsSync(folder)
    ? readdirSync(folder).filter((name) => name.endsWith(".jar"))
    : [];
  if (jar !== undefined && isThere("java")) return join(folder, jar);
  skip(t, "Zipkin", " --zipkin");
  return null;
}

/**
 * The OpenTelemetry collector, built from test/peers/otel as it is, or null. Since that takes minutes it is
 * required only by REQUIRE_PEERS=all; what it would find is mostly found by test/telemetry/otlp/checked.ts.
 */
export function builtCollector(t: TestContext): string | null {
  const sources = join(checkout, "test/peers/otel");
  const folder = join(checkout, ".peers/otel");
  const stamp = join(folder, "sources.sha256");
  const digest = createHash("sha256");
  for (const name of ["main.go", "go.mod"]) digest.update(readFileSync(join(sources, name)));
  if (existsSync(stamp) && readFileSync(stamp, "utf8").trim() === digest.digest("hex")) {
    return join(folder, "otel-peer");
  }
  const option = " --otel";
  const reason = missing("the OpenTelemetry collector, built from test/peers/otel,", option);
  if (process.env["REQUIRE_PEERS"] === "all") throw new Error(`${reason} (REQUIRE_PEERS is all)`);
  skipWith(t, reason);
  return null;
}

const missing = (what: string, option: string): string =>
  `${what} is missing; scripts/install-peers${option} installs it`;

function skip(t: TestContext, what: string, option = ""): void {
  const reason = missing(what, option);
  const isRequired = ["1", "all"].includes(process.env["REQUIRE_PEERS"] ?? "");
  if (isRequired) throw new Error(`${reason} (REQUIRE_PEERS is set)`);
  skipWith(t, reason);
}

function skipWith(t: TestContext, reason: string): void {
  console.log(`skipped: ${t.name}: ${reason}`);
  t.skip(reason);
}
