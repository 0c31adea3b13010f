// The steps of the self-check that look at the fleet page: what a person would see there, and how soon.
import { pause } from "../child.ts";
import type { Fleet } from "../fleet.ts";
import { fieldsOf, isFields, sendRequest } from "../http.ts";
import type { Finding, Step } from "../self-check.ts";

/** How soon the page must say what happened. */
const limitMs = 3_000;

export const fleetSteps: readonly Step[] = [
  { title: "the fleet page shows all sidecars, and who calls whom", look: lookAtTopology },
  { title: "one conversion is one trace through all sidecars on its way", look: lookAtTrace },
  {
    title: "a stopped rate provider is a problem on the fleet page within 3 s, until it is back",
    look: lookAtProblem,
  },
];

type Fields = Readonly<Record<string, unknown>>;

async function pageOf({ fleetPage }: Fleet, page: string): Promise<Fields> {
  const { status, body } = await sendRequest(`${fleetPage.url}${page}`, { timeoutMs: 5_000 });
  if (status !== 200) throw new Error(`${page} gives ${status}: ${body.trim()}`);
  return fieldsOf(body) ?? {};
}

function listIn(fields: Fields, key: string): readonly Fields[] {
  const list = fields[key];
  return Array.isArray(list) ? list.filter(isFields) : [];
}

/** Looks again until it is so; returns the last look and how long it took, or gave up. */
async function until<T>(look: () => Promise<T>, isSo: (value: T) => boolean) {
  const startedMs = performance.now();
  for (;;) {
    const value = await look();
    const tookMs = Math.round(performance.now() - startedMs);
    if (isSo(value) || tookMs > limitMs) return { value, tookMs, isInTime: isSo(value) };
    await pause(50);
  }
}

function convert(fleet: Fleet, headers: Readonly<Record<string, string>> = {}) {
  return sendRequest(`${fleet.pageUrl}/api/convert?amount=1&from=USD&to=EUR`, { headers });
}

async function lookAtTopology(fleet: Fleet): Promise<Finding> {
  for (let n = 0; n < 10; n++) await convert(fleet);
  // A request that brings its own dtab goes by another name, which is another edge.
  await convert(fleet, { "l5d-dtab": "/svc/rates => /svc/rates-2" });
  const wanted = ["web to converter", "converter to rates-1", "converter to rates-2"];
  const look = async () => edgesIn(await pageOf(fleet, "/topology.json"));
  const isSo = (edges: readonly string[]) =>
    wanted.every((each) => edges.some((edge) => edge.startsWith(each))) &&
    edges.some((edge) => edge.endsWith("/rates-2"));
  const { value, tookMs, isInTime } = await until(look, isSo);
  return { ok: isInTime, saw: `after ${tookMs} ms:\n${value.join("\n")}` };
}

/** Such as `web to converter as /#/io.l5d.fs/converter`. */
function edgesIn(topology: Fields): readonly string[] {
  const names = new Map(listIn(topology, "nodes").map((node) => [node["id"], node["name"]]));
  const isInstance = new Set(
    listIn(topology, "nodes").flatMap((node) => (node["kind"] === "instance" ? [node["id"]] : [])),
  );
  return listIn(topology, "edges")
    .filter((edge) => isInstance.has(edge["to"]))
    .map((edge) => `${names.get(edge["from"])} to ${names.get(edge["to"])} as ${edge["client"]}`);
}

async function lookAtTrace(fleet: Fleet): Promise<Finding> {
  // The first service saw it as l5d-reqid.
  const { seen } = fieldsOf((await convert(fleet)).body) ?? {};
  const traceId = isFields(seen) ? String(seen["requestId"]) : "";
  const look = async () => listIn(await pageOf(fleet, `/trace.json?id=${traceId}`), "rows");
  const callsIn = (rows: readonly Fields[]) =>
    rows
      .filter((row) => row["kind"] === "call")
      .map(
        (row) => `${"  ".repeat(Number(row["depth"]) / 2)}${row["instanceName"]} ${row["router"]}`,
      );
  const { value, isInTime } = await until(look, (rows) => callsIn(rows).length === 5);
  const network = value.filter((row) => row["kind"] === "network").length;
  return {
    ok: isInTime && network === 2,
    saw: `trace ${traceId}, the network twice apart:\n${callsIn(value).join("\n")}`,
  };
}

async function lookAtProblem(fleet: Fleet, controlUrl: string): Promise<Finding> {
  const order = (what: string) =>
    sendRequest(`${controlUrl}/${what}`, { method: "POST", timeoutMs: 30_000 });
  const look = async () =>
    listIn(await pageOf(fleet, "/problems.json"), "problems")
      .map((problem) => String(problem["text"]))
      .filter((text) => text.startsWith("rates-2 "));
  await order("stop/rates-2");
  const stopped = await until(look, (texts) =>
    texts.some((text) => /refuses connections/.test(text)),
  );
  await order("start/rates-2");
  const started = await until(look, (texts) => texts.length === 0);
  return {
    ok: stopped.isInTime && started.isInTime,
    saw:
      `stopped, after ${stopped.tookMs} ms: ${stopped.value.join(" ") || "nothing"}\n` +
      `started, after ${started.tookMs} ms: ${started.value.join(" ") || "no problem of rates-2"}`,
  };
}
