// The dashboard's pages: documents, assets, the stream and what single pages read beside it.
import {
  errorResponse,
  json,
  type AdminPage,
  type AdminRequest,
  type AdminResponse,
} from "../page.ts";
import { longJson } from "../long-page.ts";
import type { AdminViews } from "../views.ts";
import { assetPages } from "./assets.ts";
import { manual } from "./manual.ts";
import { helpText, loggingText } from "./plain.ts";
import type { ScopeKind } from "./shapes.ts";
import { shellPages } from "./shell.ts";
import { maxListeners, type DashboardStream } from "./stream.ts";

export function dashboardPages(views: AdminViews, stream: DashboardStream): readonly AdminPage[] {
  return [
    ...shellPages(views, {
      "/logging": () => loggingText(views),
      "/help": () => helpText(views),
    }),
    { path: "/favicon.ico", category: "ui", get: () => favicon },
    {
      path: "/dashboard/live",
      category: "ui",
      isUnlisted: true,
      isHeavy: true,
      get: () => live(stream),
    },
    {
      path: "/dashboard/overview.json",
      category: "ui",
      isUnlisted: true,
      get: async () => longJson(await views.dashboard.overview()),
    },
    {
      path: "/dashboard/scope.json",
      category: "ui",
      isUnlisted: true,
      get: ({ query }) => scope(views, query),
    },
    {
      path: "/dashboard/manual.json",
      category: "ui",
      isUnlisted: true,
      get: ({ query }) => manual(query.get("page")),
    },
    ...assetPages(),
  ];
}

async function live(stream: DashboardStream): Promise<AdminResponse> {
  const body = await stream.listen();
  if (body === null) {
    return errorResponse(503, `${maxListeners} pages are listening already; close one of them`);
  }
  const headers = { "x-accel-buffering": "no" }; // a proxy in front must not collect them
  return { status: 200, contentType: "text/event-stream; charset=utf-8", body, headers };
}

const scopeKinds: readonly string[] = ["server", "service", "client"] satisfies ScopeKind[];

async function scope(views: AdminViews, query: AdminRequest["query"]): Promise<AdminResponse> {
  const [router, kind, name] = [query.get("router"), query.get("kind"), query.get("name")];
  if (router === null || name === null || kind === null || !scopeKinds.includes(kind)) {
    return errorResponse(400, `expected router=...&kind=${scopeKinds.join("|")}&name=...`);
  }
  const found = await views.dashboard.scope(router, kind as ScopeKind, name);
  if (found !== null) return json(found);
  return errorResponse(404, `router ${router} has no ${kind} ${name}: none has been called lately`);
}

/** Points of a railway: one line that becomes two. */
const favicon: AdminResponse = {
  status: 200,
  contentType: "image/svg+xml",
  body: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#2f5fd0"/><path d="M5 16h8c6 0 6-7 12-7h2M13 16c6 0 6 7 12 7h2" fill="none" stroke="#fff" stroke-width="3.2" stroke-linecap="round"/></svg>`,
  headers: { "cache-control": "public, max-age=86400" },
};
