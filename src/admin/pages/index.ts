// All pages of the admin server.
import type { Clock } from "../../core/clock.ts";
import { pathList, text, type AdminPage } from "../page.ts";
import type { AdminViews } from "../views.ts";
import { diagnosticsPages } from "./diagnostics.ts";
import { faultPages } from "./faults.ts";
import { fleetPages } from "./fleet.ts";
import { finaglePages } from "./finagle.ts";
import { tracingPages } from "./tracing.ts";
import { healthPages } from "./health.ts";
import { metricsPages } from "./metrics.ts";
import { namingPages } from "./naming.ts";
import { processPages } from "./process.ts";
import { requestPages } from "./requests.ts";
import { dashboardPages } from "../dashboard/pages.ts";
import type { DashboardStream } from "../dashboard/stream.ts";

/**
 * Returns a function that lists the current pages: namers and telemeters add their own. The index
 * names those that are open.
 */
export function allPages(
  views: AdminViews,
  clock: Clock,
  isOpen: (page: AdminPage) => boolean,
  stream: DashboardStream,
): () => readonly AdminPage[] {
  const index = () => text(pathList(all().filter(isOpen)));
  const fixed: readonly AdminPage[] = [
    { path: "/admin", category: "diagnostics", get: index },
    { path: "/admin/index.txt", category: "diagnostics", get: index },
    ...processPages(views, clock),
    ...requestPages(views),
    ...faultPages(views),
    ...healthPages(views),
    ...finaglePages(views),
    ...tracingPages(views),
    ...diagnosticsPages(clock),
  ];
  const fleet = fleetPages(views, clock);
  const all = () => [
    ...dashboardPages(views, stream),
    ...fixed,
    ...fleet(),
    ...metricsPages(views),
    ...namingPages(views, clock),
  ];
  return all;
}
