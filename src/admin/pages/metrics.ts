// The pages that show metrics: JSON, and what the telemeters add.
import {
  isOn,
  jsonText,
  problem,
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
    isPretty: isOn(query, "pretty"),
    isTree: isOn(query, "tree"),
    below,
  });
  return found === null ? problem(404, `No such subtree: ${below}`) : jsonText(found);
}
