// `/api/1/bind`, `addr`, `resolve`, `delegate` and `bound-names`: what names become.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Live } from "../../core/live.ts";
import { constant, flatMap, ok } from "../../core/live.ts";
import { emptyDtab, parseDtab, showDtab } from "../../core/names/dtab.ts";
import type { Dtab } from "../../core/names/dtab.ts";
import { parsePath } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import type { AddressSet } from "../../core/naming.ts";
import {
  delegationToJson,
  isSettled,
  readDelegation,
  simplifyDelegation,
} from "../../naming/binding/delegation.ts";
import type { InterfaceDeps } from "../interface.ts";
import { readBody } from "./body.ts";
import { once, respond, stream } from "./reply.ts";
import { addressesLine, chosen, treeJson, withAddresses } from "./trees.ts";

/** A request for a name: `namespace` is null when the path names none. */
export interface NameRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly namespace: string | null;
  readonly query: URLSearchParams;
  readonly isWatch: boolean;
}

export type NamePage = (request: NameRequest, deps: InterfaceDeps) => void;

const json = { "content-type": "application/json" };
const delegateTimeoutMs = 2_000;

/** By the segment behind `/api/1/`. */
export const namePages: Readonly<Record<string, NamePage>> = {
  bind(asked, { namespaces, clock }) {
    const name = nameOf(asked);
    if (name === null) return;
    const { response, namespace, isWatch } = asked;
    if (namespace === null) return respond(response, 404);
    const bound = namespaces.bind(namespace, name.path, name.local, showDtab(name.local));
    const tree = withAddresses(bound);
    if (isWatch) return stream(tree, response, {}, (value) => JSON.stringify(treeJson(value)));
    return once(tree, response, clock, (state) => {
      if (state.kind === "ok") respond(response, 200, `${JSON.stringify(treeJson(state.value))}\n`);
      else respond(response, 500, state.kind === "failed" ? state.why.detail : late(name.path));
    });
  },

  addr(asked, { namespaces, clock }) {
    const path = pathOf(asked);
    if (path === null) return;
    if (asked.namespace === null) return respond(asked.response, 404);
    sendAddresses(asked, namespaces.addresses(path), {}, clock);
  },

  resolve(asked, { namespaces, clock, random }) {
    const name = nameOf(asked);
    if (name === null) return;
    if (asked.namespace === null) return respond(asked.response, 404);
    const tree = namespaces.bind(asked.namespace, name.path, name.local, showDtab(name.local));
    const addresses = flatMap(
      tree,
      (value) => chosen(value, random)?.addresses ?? constant<AddressSet>(ok("neg")),
    );
    sendAddresses(asked, addresses, json, clock);
  },

  delegate(asked, { namespaces, clock }) {
    if (asked.request.method === "POST") return void delegatePosted(asked, { namespaces, clock });
    const name = nameOf(asked);
    if (name === null) return;
    delegate(asked.response, namespaces.delegate(asked.namespace, name.path, name.local), clock);
  },

  "bound-names"({ request, response, isWatch }, { namers }) {
    if (request.method !== "GET") return respond(response, 404);
    const names = [...new Set(namers.flatMap(({ namer }) => namer.boundNames?.() ?? []))];
    const line = JSON.stringify(names);
    // The namers say only what they know at this moment.
    if (isWatch) return stream(constant(ok(line)), response, json, (value) => value);
    return respond(response, 200, `${line}\n`, json);
  },
};

function sendAddresses(
  { response, isWatch }: NameRequest,
  addresses: Live<AddressSet>,
  headers: Readonly<Record<string, string>>,
  clock: InterfaceDeps["clock"],
): void {
  if (isWatch) {
    return stream(addresses, response, headers, (value) => addressesLine(ok(value)));
  }
  return once(addresses, response, clock, (state) =>
    respond(response, 200, `${addressesLine(state)}\n`, headers),
  );
}

function delegate(
  response: ServerResponse,
  live: Parameters<typeof readDelegation>[0],
  clock: InterfaceDeps["clock"],
): void {
  const cancel = readDelegation(live, clock, delegateTimeoutMs, (state) => {
    if (state.kind === "failed") return respond(response, 500, state.why.detail);
    if (state.kind === "pending" || !isSettled(state.value)) {
      return respond(response, 503, "Request timed out.");
    }
    const text = JSON.stringify(delegationToJson(simplifyDelegation(state.value)));
    return respond(response, 200, text, json);
  });
  response.once("close", cancel);
}

/** `{"namespace", "dtab", "path"}`, as dashboards send it. */
async function delegatePosted(
  { request, response, namespace }: NameRequest,
  { namespaces, clock }: Pick<InterfaceDeps, "namespaces" | "clock">,
): Promise<void> {
  const body = await readBody(request);
  const malformed = () =>
    respond(response, 400, `Malformed delegation request: ${String(body).slice(0, 500)}`);
  let fields: { namespace?: unknown; dtab?: unknown; path?: unknown };
  try {
    fields = Object(JSON.parse(body ?? "")) as typeof fields;
  } catch {
    return malformed();
  }
  const { dtab, path: text } = fields;
  if (typeof dtab !== "string" || typeof text !== "string") return malformed();
  const query = new URLSearchParams({ dtab, path: text });
  const name = nameOf({ response, query });
  if (name === null) return;
  const inBody = typeof fields.namespace === "string" ? fields.namespace : null;
  delegate(response, namespaces.delegate(namespace ?? inBody, name.path, name.local), clock);
}

/** The name and the dtab of a request; null after a 400. */
function nameOf(
  asked: Pick<NameRequest, "response" | "query">,
): { readonly path: Path; readonly local: Dtab } | null {
  const path = pathOf(asked);
  if (path === null) return null;
  const text = asked.query.get("dtab") ?? "";
  const parsed = text === "" ? { ok: true as const, value: emptyDtab } : parseDtab(text);
  if (parsed.ok) return { path, local: parsed.value };
  respond(asked.response, 400, `Invalid dtab: ${parsed.error.message}`);
  return null;
}

function pathOf({ response, query }: Pick<NameRequest, "response" | "query">): Path | null {
  const text = query.get("path") ?? "";
  const parsed = parsePath(text);
  if (parsed.ok) return parsed.value;
  respond(response, 400, `Invalid path: ${text.slice(0, 500)} / ${parsed.error.message}`);
  return null;
}

const late = (path: Path): string => `${path} was not resolved yet`;
