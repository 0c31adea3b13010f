// Which spans are exported, and how many: shows it, and changes the rate while the process runs.
import { errorResponse, json } from "../page.ts";
import type { AdminPage, AdminRequest, AdminResponse } from "../page.ts";
import type { AdminViews, TracingChange } from "../views.ts";

const example = `curl -d 'sampleRate=0.1' .../admin/tracing`;

export function tracingPages(views: AdminViews): readonly AdminPage[] {
  return [
    {
      path: "/admin/tracing",
      category: "diagnostics",
      get: ({ query }) => show(views, query),
      post: (request) => change(views, request),
    },
  ];
}

/** In Linkerd a GET with `enable=true` or `disable=true` was a change. */
function show(views: AdminViews, query: URLSearchParams): AdminResponse {
  const [asked] = ["enable", "disable"].filter((name) => query.has(name));
  if (asked === undefined) return json(views.tracing());
  const hint = `a change is a POST: curl -d '${asked}=true' .../admin/tracing`;
  return errorResponse(405, hint);
}

function change(views: AdminViews, { body, query }: AdminRequest): AdminResponse {
  // In the address as well, as Linkerd's users write it.
  const form = new URLSearchParams([...query, ...new URLSearchParams(body)]);
  const wanted = changeOf(form);
  if (typeof wanted === "string") return errorResponse(400, `${wanted}; for instance ${example}`);
  if (views.setTracing(wanted)) return json(views.tracing());
  return errorResponse(
    404,
    `there is no exporter ${wanted.exporter ?? "of spans"} in this process; GET /admin/tracing lists them`,
  );
}

/** A string is the error in the form. */
function changeOf(form: URLSearchParams): TracingChange | string {
  let isEnabled: boolean | null = null;
  let sampleRate: number | null = null;
  let exporter: string | null = null;
  for (const [name, text] of form) {
    switch (name) {
      case "enable":
      case "disable":
        if (text !== "true") return `expected ${name}=true`;
        isEnabled = name === "enable";
        break;
      case "sampleRate":
        if (!/^\d+(\.\d+)?$/.test(text) || Number(text) > 1) return "expected sampleRate=0..1";
        sampleRate = Number(text);
        break;
      case "exporter":
        exporter = text;
        break;
      default:
        return `unknown field ${name}; the fields are enable, disable, sampleRate, exporter`;
    }
  }
  if (isEnabled === null && sampleRate === null) return "expected enable, disable or sampleRate";
  return { isEnabled, sampleRate, exporter };
}
