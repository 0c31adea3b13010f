// Metrics as JSON, and the pages that telemeters add.
import {
  hasFlag,
  jsonText,
  errorResponse,
  text,
  type AdminRequest,
  type AdminResponse,
  type AdminPage,
} from "../page.ts";
import type { AdminViews } from "../views.ts";

export function metricsPages(views: AdminViews): readonly AdminPage[] {
  const get = ({ query }: AdminRequest) => metrics(views, query);
  return [
    { path: "/admin/metrics.json", category: "ui", get },
    { path: "/metrics.json", category: "ui", get },
    ...views.exporters().map(({ path, contentType, render }): AdminPage => ({
      path,
      category: "diagnostics",
      get: async () => ({ ...text(await render()), contentType }),
    })),
  ];
}

async function metrics(views: AdminViews, query: URLSearchParams): Promise<AdminResponse> {
  const below = query.get("q");
  const found = await views.metricsJson({
    isPretty: hasFlag(query, "pretty"),
    isTree: hasFlag(query, "tree"),
    below,
  });
  return found === null ? errorResponse(404, `No such subtree: ${below}`) : jsonText(found);
}
