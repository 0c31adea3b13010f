// Metrics as JSON, and the pages that telemeters add.
import {
  errorResponse,
  hasFlag,
  jsonType,
  type AdminRequest,
  type AdminResponse,
  type AdminPage,
} from "../page.ts";
import { longText, withNewline } from "../long-page.ts";
import type { AdminViews } from "../views.ts";

const fewer = "lower bindingCache.clients, bindingCache.paths and maxServiceNames of the routers";

export function metricsPages(views: AdminViews): readonly AdminPage[] {
  const get = ({ query }: AdminRequest) => metrics(views, query);
  return [
    { path: "/admin/metrics.json", category: "ui", get },
    { path: "/metrics.json", category: "ui", get },
    ...views.exporters().map(({ path, contentType, render }): AdminPage => ({
      path,
      category: "diagnostics",
      get: async ({ host }) => longText(await render(host), contentType, fewer),
    })),
  ];
}

async function metrics(views: AdminViews, query: URLSearchParams): Promise<AdminResponse> {
  const below = query.get("q");
  const page = await views.metricsJson({
    isPretty: hasFlag(query, "pretty"),
    isTree: hasFlag(query, "tree"),
    below,
  });
  if (page === null) return errorResponse(404, `No such subtree: ${below}`);
  const { maxBytes, pieces } = page;
  const lines = { maxBytes: maxBytes + 1, pieces: () => withNewline(pieces()) };
  return longText(lines, jsonType, `ask for a scope with q=rt/..., or ${fewer}`);
}
