// The calls that are kept, as JSON; the dashboard shows them.
import { readCallQuery } from "../../core/calls/filter.ts";
import type { CallQuery, NumberLimits } from "../../core/calls/filter.ts";
import { longJson } from "../long-page.ts";
import { errorResponse, type AdminPage, type AdminRequest, type AdminResponse } from "../page.ts";
import type { AdminViews } from "../views.ts";

const defaultLimit = 100;
/** Of `/fleet/requests.json`, too. */
export const limits = { limit: 1_000 };
const defaultRate = 100;
const tapLimits = { rate: 1_000 };

export function requestPages(views: AdminViews): readonly AdminPage[] {
  const viewOf = ({ filter, numbers }: CallQuery) =>
    views.requests(filter, numbers["limit"] ?? defaultLimit);
  return [
    page("/requests.json", (query) => longJson(viewOf(query))),
    { ...page("/tap", (query, request) => tap(views, query, request), tapLimits), isHeavy: true },
  ];
}

/** Server-sent events for browsers, lines of JSON for everybody else. */
function tap(
  views: AdminViews,
  { filter, numbers }: CallQuery,
  { accept }: AdminRequest,
): AdminResponse {
  const isForBrowsers = accept.toLowerCase().includes(eventStream);
  const body = views.tap(filter, numbers["rate"] ?? defaultRate, isForBrowsers);
  if (body === null) return errorResponse(503, "too many listen already: close another tap first");
  const contentType = isForBrowsers ? eventStream : "application/x-ndjson";
  // A proxy in front must not collect them.
  return { status: 200, contentType, body, headers: { "x-accel-buffering": "no" } };
}

const eventStream = "text/event-stream";

function page(
  path: string,
  render: (query: CallQuery, request: AdminRequest) => AdminResponse | Promise<AdminResponse>,
  numbers: NumberLimits = limits,
): AdminPage {
  return {
    path,
    category: "ui",
    get(request: AdminRequest) {
      const read = readCallQuery(request.query, numbers);
      return "problem" in read ? errorResponse(400, read.problem) : render(read, request);
    },
  };
}
