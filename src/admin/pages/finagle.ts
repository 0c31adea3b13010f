// Pages that Linkerd's scripts and bookmarks ask for: what is true of them here, or what to ask instead.
import { performance } from "node:perf_hooks";
import { json, type AdminPage } from "../page.ts";
import { longJson } from "../long-page.ts";
import type { AdminViews } from "../views.ts";

export function finaglePages(views: AdminViews): readonly AdminPage[] {
  return [
    { path: "/admin/lint", category: "diagnostics", get: () => lint(views) },
    { path: "/admin/threads", category: "diagnostics", get: threads },
    { path: "/admin/registry.json", category: "diagnostics", get: () => registry(views) },
  ];
}

/** In Finagle's form; an issue is a sentence for people. */
async function lint(views: AdminViews) {
  const rules = (await views.lint()).map(({ rule, description, issues }) => ({
    category: "Configuration and state",
    id: rule,
    description,
    issues: issues.map((issue) => ({ details: issue })),
  }));
  const failed = rules.filter(({ issues }) => issues.length > 0);
  const passed = rules.filter(({ issues }) => issues.length === 0);
  return json({
    lint_results: {
      metadata: {
        num_rules_run: rules.length,
        num_rules_ok: passed.length,
        num_rules_failed: failed.length,
        num_issues_found: failed.reduce((sum, { issues }) => sum + issues.length, 0),
      },
      failed_rules: failed,
      ok_rules: passed,
    },
  });
}

/** One thread runs everything; what would be threads elsewhere are the resources it waits for. */
function threads() {
  const resources: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) {
    resources[name] = (resources[name] ?? 0) + 1;
  }
  const { utilization } = performance.eventLoopUtilization();
  return json({
    threads: { main: { thread: "main", state: "RUNNABLE", daemon: false, utilization } },
    active_resources: resources,
    see: ["/admin/profile", "/admin/event-loop"],
  });
}

function registry(views: AdminViews) {
  return longJson({ registry: views.registry() });
}
