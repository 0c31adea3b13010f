// `npm start -- --self-check`: the round trip, observed from outside, step by step.
import { readFileSync } from "node:fs";
import { connect } from "node:tls";
import { pause } from "./child.ts";
import { sendRequest, fieldsOf, isFields, type HttpResponse } from "./http.ts";
import type { Fleet } from "./fleet.ts";
import { fleetSteps } from "./watch/check.ts";
import { convert, parseTable } from "./table.ts";
import type { MutualTls } from "./tls.ts";
import { carriesDtab, labelOf, nameOver, protocols, type Protocol } from "./via.ts";

/** What a step observed; `ok` is false when that is not what was expected. */
export interface Finding {
  readonly ok: boolean;
  readonly saw: string;
}

export interface Step {
  readonly title: string;
  look(fleet: Fleet, controlUrl: string): Promise<Finding>;
}

/** Runs and prints all steps. null when every step passes, otherwise a summary. */
export async function selfCheck(
  fleet: Fleet,
  controlUrl: string,
  print: (line: string) => void,
): Promise<string | null> {
  let failed = 0;
  const all = fleet.tls === null ? steps : [...tlsSteps(fleet.tls), ...steps];
  for (const { title, look } of all) {
    const { ok, saw } = await look(fleet, controlUrl).catch((error: unknown) => ({
      ok: false,
      saw: error instanceof Error ? error.message : String(error),
    }));
    if (!ok) failed++;
    print(`${ok ? "ok    " : "FAILED"}  ${title}\n        ${saw.replaceAll("\n", "\n        ")}`);
  }
  if (failed > 0) return `${failed} of ${all.length} steps FAILED`;
  print(`all ${all.length} steps passed`);
  return null;
}

const steps: readonly Step[] = [
  { title: "the page comes through web's sidecar", look: lookAtPage },
  { title: "a conversion agrees with the table of rates", look: lookAtNumber },
  { title: "each leg went through two sidecars, by name", look: lookAtRoute },
  { title: "the result is the same over every protocol", look: lookAtProtocols },
  { title: "wrong input gets an explanation", look: lookAtWrongInput },
  { title: "both rate providers respond", look: lookAtBalance },
  { title: "a request can bring its own dtab", look: lookAtOwnDtab },
  ...fleetSteps,
  {
    title: "when a rate provider is stopped its traffic moves, and no conversion fails",
    look: lookAtStop,
  },
  { title: "when it is started again it gets calls again", look: lookAtStart },
  {
    title: "when a rate provider is killed and stays announced, the others carry on",
    look: lookAtKill,
  },
  { title: "every sidecar counted its calls", look: lookAtMetrics },
];

const tlsSteps = (tls: MutualTls): readonly Step[] => [
  {
    title: "a caller without a certificate does not reach a service",
    look: (fleet) => lookAtStranger(fleet),
  },
  {
    title: "certificates are renewed while calls flow, and no conversion fails",
    look: (fleet, controlUrl) => lookAtRenewal(fleet, controlUrl, tls),
  },
];

/** A TLS connection to the sidecar of rates-1, with a certificate or without. */
function connected(fleet: Fleet, files: { cert: Buffer; key: Buffer } | null): Promise<string> {
  const port = fleet.instance("rates-1")?.ports.http.incoming ?? 0;
  return new Promise((resolve) => {
    const how = { host: "127.0.0.1", port, servername: "rates", rejectUnauthorized: false };
    const socket = connect({ ...how, ...files });
    socket.on("error", ({ message }) => resolve(message.split("\n", 1)[0] ?? ""));
    socket.on("close", () => resolve("closed"));
    socket.on("data", () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.write("GET /health HTTP/1.1\r\nHost: rates\r\n\r\n");
  });
}

async function lookAtStranger(fleet: Fleet): Promise<Finding> {
  const saw = await connected(fleet, null);
  return { ok: /certificate required|closed|reset/i.test(saw), saw: `rates-1's sidecar: ${saw}` };
}

async function lookAtRenewal(
  fleet: Fleet,
  controlUrl: string,
  { certificates, filesOf }: MutualTls,
): Promise<Finding> {
  const serialOf = () =>
    certificates().find(({ instance }) => instance === "rates-1")?.serialNumber;
  const before = serialOf();
  const renewed = async (): Promise<string> => {
    await order(controlUrl, "renew");
    const { certPath, keyPath } = filesOf("converter");
    for (;;) {
      const files = { cert: readFileSync(certPath), key: readFileSync(keyPath) };
      const presented = await connected(fleet, files);
      if (presented === serialOf()) return presented;
      await pause(100);
    }
  };
  const event = renewed();
  const tally = await convertedDuring(fleet, event);
  const after = await event;
  const saw = `rates-1 presented ${before}, then ${after}; meanwhile: ${tally}`;
  return { ok: before !== after && tally.failures === 0, saw };
}

async function lookAtPage({ pageUrl }: Fleet): Promise<Finding> {
  const { status, headers, body } = await sendRequest(`${pageUrl}/`);
  const type = String(headers["content-type"]);
  const isPage = type.startsWith("text/html") && /<title>.*<\/title>/.test(body);
  const via = String(headers["via"] ?? "none");
  const saw = `GET ${pageUrl}/ gives ${status}, ${type}, ${body.length} characters, Via: ${via}`;
  return { ok: status === 200 && isPage && via !== "none", saw };
}

function conversion(
  { pageUrl }: Fleet,
  query = "amount=12.50&from=USD&to=EUR",
  headers: Readonly<Record<string, string>> = {},
): Promise<HttpResponse> {
  return sendRequest(`${pageUrl}/api/convert?${query}`, { headers });
}

async function lookAtNumber(fleet: Fleet): Promise<Finding> {
  const file = new URL("../../demo/rates.json", import.meta.url);
  const { currencies, date } = parseTable(readFileSync(file, "utf8"));
  const [usd, eur] = [currencies.get("USD"), currencies.get("EUR")];
  if (usd === undefined || eur === undefined) throw new Error("bug: no USD or EUR in the table");
  const expected = convert(12.5, eur.perBase / usd.perBase, eur.digits);
  const { status, body } = await conversion(fleet);
  const result = fieldsOf(body)?.["result"];
  const saw = `status ${status}: 12.50 USD = ${result} EUR; by the table of ${date}: ${expected}`;
  return { ok: status === 200 && result === expected, saw };
}

type Fields = Readonly<Record<string, unknown>>;

/** What the services saw, from the browser's leg to the last one. */
function seenIn(response: HttpResponse): readonly Readonly<Record<string, unknown>>[] {
  const fields = fieldsOf(response.body) ?? {};
  return [fields["seen"], ...legsIn(fields).map((leg) => leg["seen"])].filter(isFields);
}

function legsIn(fields: Fields): readonly Fields[] {
  return Array.isArray(fields["legs"]) ? fields["legs"].filter(isFields) : [];
}

async function lookAtRoute(fleet: Fleet): Promise<Finding> {
  const seen = seenIn(await conversion(fleet));
  const saw = seen.map(
    ({ instance, logicalName, clientName, via, requestId }) =>
      `${instance}: ${logicalName} -> ${clientName}, Via: ${via}, request ${requestId}`,
  );
  const names = seen.map(({ logicalName }) => logicalName).slice(1);
  const isNamed = names.join(" ") === "/svc/converter /svc/rates";
  const isLocal = seen.every(({ instance, clientName }) => {
    const port = fleet.instance(String(instance))?.ports.http.service;
    return String(clientName).startsWith("/$/inet/127") && String(clientName).endsWith(`/${port}`);
  });
  // The browser's leg has no outgoing router; the others crossed one outgoing and one incoming router.
  const crossed = seen.map(({ via }) => String(via ?? "").split(",").length).join(" ");
  return { ok: isNamed && isLocal && crossed === "1 2 2", saw: saw.join("\n") };
}

/** Enough conversions over each protocol to reach both rate providers. */
async function lookAtProtocols(fleet: Fleet): Promise<Finding> {
  const lines: string[] = [];
  const results = new Set<unknown>();
  let isWell = true;
  for (const protocol of protocols) {
    const tally = new Tally();
    const query = `amount=250&from=GBP&to=JPY&via=${protocol}`;
    let called: unknown = "";
    for (let n = 0; n < 20; n++) {
      const response = await conversion(fleet, query);
      tally.note(response);
      const fields = fieldsOf(response.body) ?? {};
      results.add(fields["result"]);
      called = legsIn(fields).at(-1)?.["called"];
      isWell &&= fields["via"] === protocol;
    }
    isWell &&= tally.failures === 0 && tally.of("rates-1") > 0 && tally.of("rates-2") > 0;
    lines.push(`${protocol}: called ${called}: ${tally}`);
  }
  lines.push(`250 GBP = ${[...results].join(" and ")} JPY`);
  return { ok: isWell && results.size === 1, saw: lines.join("\n") };
}

async function lookAtWrongInput(fleet: Fleet): Promise<Finding> {
  const wrong = [
    { query: "amount=1&from=USD&to=EUR&via=gopher", status: 400 },
    ...protocols.map((each) => ({ query: `amount=1&from=USD&to=XXX&via=${each}`, status: 404 })),
    { query: "amount=abc&from=USD&to=EUR", status: 400 },
    { query: "amount=-5&from=USD&to=EUR", status: 400 },
  ];
  const responses = await Promise.all(wrong.map(({ query }) => conversion(fleet, query)));
  const saw = responses.map(({ status, body }) => `${status}: ${fieldsOf(body)?.["error"]}`);
  const isRight = wrong.every(({ status }, index) => responses[index]?.status === status);
  return { ok: isRight, saw: saw.join("\n") };
}

/** How a number of conversions went: per rate provider, and those that failed. */
class Tally {
  readonly #instances = new Map<string, number>();
  failures = 0;
  firstFailure = "";

  note(response: HttpResponse): void {
    if (response.status !== 200) {
      this.firstFailure ||= `; the first: ${response.status} ${response.body.trim()}`;
      this.failures++;
      return;
    }
    const instance = String(seenIn(response).at(-1)?.["instance"]);
    this.#instances.set(instance, this.of(instance) + 1);
  }

  of(instance: string): number {
    return this.#instances.get(instance) ?? 0;
  }

  toString(): string {
    const counts = [...this.#instances].sort().map(([name, count]) => `${name} ${count}`);
    return `${counts.join(", ") || "none"}, failed ${this.failures}${this.firstFailure}`;
  }
}

interface How {
  readonly via?: Protocol;
  readonly headers?: Readonly<Record<string, string>>;
}

async function converted(fleet: Fleet, count: number, how: How = {}): Promise<Tally> {
  const tally = new Tally();
  const query = `amount=12.50&from=USD&to=EUR&via=${how.via ?? "http"}`;
  for (let n = 0; n < count; n++) tally.note(await conversion(fleet, query, how.headers));
  return tally;
}

async function lookAtBalance(fleet: Fleet): Promise<Finding> {
  const tally = await converted(fleet, 40);
  const ok = tally.failures === 0 && tally.of("rates-1") > 0 && tally.of("rates-2") > 0;
  return { ok, saw: `40 conversions: ${tally}` };
}

async function lookAtOwnDtab(fleet: Fleet): Promise<Finding> {
  const carriers = protocols.filter(carriesDtab);
  const findings = await Promise.all(
    carriers.map(async (protocol) => {
      const dtab = `/svc/${nameOver(protocol, "rates")} => /svc/${nameOver(protocol, "rates-2")}`;
      const tally = await converted(fleet, 10, { via: protocol, headers: { "l5d-dtab": dtab } });
      const saw = `10 over ${protocol} with l5d-dtab: ${dtab}: ${tally}`;
      return { ok: tally.of("rates-2") === 10, saw };
    }),
  );
  return { ok: findings.every(({ ok }) => ok), saw: findings.map(({ saw }) => saw).join("\n") };
}

/** Converts over all protocols, four at a time, until `event` is over. */
async function convertedDuring(fleet: Fleet, event: Promise<unknown>): Promise<Tally> {
  const tally = new Tally();
  const progress = { isOver: false };
  const over = () => {
    progress.isOver = true;
  };
  void event.then(over, over);
  const keepConverting = async (via: Protocol) => {
    const query = `amount=12.50&from=USD&to=EUR&via=${via}`;
    while (!progress.isOver) tally.note(await conversion(fleet, query));
  };
  await Promise.all(["http" as const, ...protocols].map(keepConverting));
  await event; // if the event failed, so has the step
  return tally;
}

async function order(controlUrl: string, what: string): Promise<void> {
  const { status, body } = await sendRequest(`${controlUrl}/${what}`, {
    method: "POST",
    timeoutMs: 30_000,
  });
  if (status !== 200) throw new Error(`POST /${what} gives ${status}: ${body}`);
}

async function lookAtStop(fleet: Fleet, controlUrl: string): Promise<Finding> {
  const during = await convertedDuring(fleet, order(controlUrl, "stop/rates-1"));
  const after = await converted(fleet, 20);
  const ok = during.failures === 0 && after.of("rates-2") === 20;
  return { ok, saw: `while it stops: ${during}\nafterwards: ${after}` };
}

async function lookAtStart(fleet: Fleet, controlUrl: string): Promise<Finding> {
  await order(controlUrl, "start/rates-1");
  const tally = new Tally();
  // The callers' sidecars notice when the change of the file reaches them.
  for (let n = 0; n < 500 && tally.of("rates-1") === 0; n++) tally.note(await conversion(fleet));
  return { ok: tally.failures === 0 && tally.of("rates-1") > 0, saw: `until it did: ${tally}` };
}

async function lookAtKill(fleet: Fleet, controlUrl: string): Promise<Finding> {
  await order(controlUrl, "kill/rates-1");
  const tallies = await Promise.all(protocols.map((via) => converted(fleet, 20, { via })));
  return {
    ok: tallies.every((tally) => tally.failures === 0 && tally.of("rates-2") === 20),
    saw: tallies.map((tally, index) => `afterwards over ${protocols[index]}: ${tally}`).join("\n"),
  };
}

async function lookAtMetrics(fleet: Fleet): Promise<Finding> {
  const alive = fleet.instances.filter((each) => each.status().state === "running");
  const lines = await Promise.all(
    alive.map(async ({ name, ports, service }) => {
      const { body } = await sendRequest(`http://127.0.0.1:${ports.admin}/admin/metrics.json`);
      const metrics = fieldsOf(body) ?? {};
      const of = (side: "incoming" | "outgoing", protocol: Protocol) => {
        const at = `${labelOf(side, protocol)}/server/127.0.0.1/${ports[protocol][side]}`;
        return Number(metrics[`rt/${at}/requests`] ?? 0);
      };
      const counted = protocols.map((each) => ({
        protocol: each,
        incoming: of("incoming", each),
        outgoing: of("outgoing", each),
      }));
      const isRight = counted.every(
        ({ protocol, incoming, outgoing }) =>
          incoming > 0 === (protocol === "http" || service === "rates") &&
          outgoing > 0 === (service === "converter" || (protocol === "http" && service === "web")),
      );
      const texts = counted.map((each) => `${each.protocol} ${each.incoming}/${each.outgoing}`);
      return { isRight, text: `${name}: incoming/outgoing calls: ${texts.join(", ")}` };
    }),
  );
  const ok = lines.length > 0 && lines.every(({ isRight }) => isRight);
  return { ok, saw: lines.map(({ text }) => text).join("\n") };
}
