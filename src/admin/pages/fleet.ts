// The fleet: this process for others, and others as this process sees them.
import type { Clock } from "../../core/clock.ts";
import { readCallQuery } from "../../core/calls/filter.ts";
import { longJson, longText } from "../long-page.ts";
import {
  errorResponse,
  json,
  type AdminPage,
  type AdminRequest,
  type AdminResponse,
} from "../page.ts";
import type { AdminViews, FleetViews } from "../views.ts";
import { limits } from "./requests.ts";
import { FleetStream, maxFleetListeners } from "../fleet-stream.ts";

const pageType = "application/x-ndjson; charset=utf-8";
const fewer = "lower bindingCache.clients, bindingCache.paths and maxServiceNames of the routers";

export function fleetPages(views: AdminViews, clock: Clock): () => readonly AdminPage[] {
  const own: AdminPage = {
    path: "/admin/fleet.jsonl",
    category: "diagnostics",
    get: async ({ query }) => longText(await views.fleetPage(afterOf(query)), pageType, fewer),
  };
  let pages: readonly AdminPage[] | null = null;
  return () => {
    const fleet = views.fleet();
    if (fleet === null) return [own];
    pages ??= [own, ...pagesOf(fleet, clock)];
    return pages;
  };
}

/** The last slice that the caller has; -1: none. What is no number is ignored. */
function afterOf(query: URLSearchParams): number {
  const given = query.get("after") ?? "";
  return /^\d{1,16}$/.test(given) ? Number(given) : -1;
}

function pagesOf(fleet: FleetViews, clock: Clock): readonly AdminPage[] {
  const stream = new FleetStream(fleet, clock);
  const page = (
    path: string,
    get: (request: AdminRequest) => AdminResponse | Promise<AdminResponse>,
  ) => ({ path, category: "ui", get }) as const;
  return [
    page("/fleet.json", () => longJson(fleet.overview())),
    page("/fleet/topology.json", () => longJson(fleet.topology())),
    page("/fleet/services.json", () => longJson(fleet.services())),
    page("/fleet/service.json", ({ query }) => service(fleet, query)),
    page("/fleet/problems.json", () => longJson(fleet.problems())),
    page("/fleet/requests.json", ({ query }) => requests(fleet, query)),
    page("/fleet/trace.json", ({ query }) => trace(fleet, query)),
    page("/fleet/events", ({ query }) => events(stream, query)),
  ];
}

async function service(fleet: FleetViews, query: URLSearchParams): Promise<AdminResponse> {
  const [router, name] = [query.get("router"), query.get("name")];
  if (router === null || name === null) {
    return errorResponse(400, "expected router=LABEL&name=NAME, as /fleet/services.json has them");
  }
  const found = await fleet.service(router, name);
  if (typeof found === "string") return errorResponse(503, found);
  if (found !== null) return longJson(found);
  return errorResponse(404, `no instance has a router ${router} with calls for ${name}`);
}

/** What no instance would accept is not asked. */
async function requests(fleet: FleetViews, query: URLSearchParams): Promise<AdminResponse> {
  const read = readCallQuery(query, limits);
  if ("problem" in read) return errorResponse(400, read.problem);
  return asked(fleet.calls(query.toString()));
}

async function trace(fleet: FleetViews, query: URLSearchParams): Promise<AdminResponse> {
  const id = query.get("id") ?? "";
  if (!/^[0-9a-f]{16}([0-9a-f]{16})?$/i.test(id)) {
    return errorResponse(
      400,
      "expected id=TRACE, 16 or 32 hexadecimal digits, as /fleet/requests.json has them",
    );
  }
  return asked(fleet.trace(id.toLowerCase()));
}

/** A text says why nobody was asked. */
async function asked(question: Promise<unknown>): Promise<AdminResponse> {
  const found = await question;
  return typeof found === "string" ? errorResponse(503, found) : longJson(found);
}

function events(stream: FleetStream, query: URLSearchParams): AdminResponse {
  const view = query.get("view") ?? "overview";
  if (!stream.has(view)) {
    return errorResponse(
      400,
      `expected view=${stream.views.join(" or view=")}, got ${JSON.stringify(view)}`,
    );
  }
  const body = stream.listen(view);
  if (body !== null) return { status: 200, contentType: "text/event-stream; charset=utf-8", body };
  return json(
    { error: `${maxFleetListeners} pages are listening already; close one of them` },
    503,
  );
}
