// The process: liveness, readiness, version, configuration, log levels, shutdown.
import type { Clock } from "../../core/clock.ts";
import { longJson } from "../long-page.ts";
import {
  hasFlag,
  json,
  errorResponse,
  text,
  type AdminRequest,
  type AdminResponse,
  type AdminPage,
} from "../page.ts";
import type { AdminViews } from "../views.ts";

export function processPages(views: AdminViews, clock: Clock): readonly AdminPage[] {
  return [
    { path: "/admin/ping", category: "diagnostics", get: () => text("pong") },
    { path: "/admin/ready", category: "diagnostics", get: () => ready(views) },
    { path: "/admin/server_info", category: "diagnostics", get: () => serverInfo(views, clock) },
    { path: "/config.json", category: "ui", get: ({ query }) => config(views, query) },
    {
      path: "/logging.json",
      category: "control",
      get: () => json(views.logLevels()),
      post: (request) => setLevel(views, request),
    },
    {
      path: "/admin/shutdown",
      category: "control",
      isHazardous: true,
      post: ({ query }) => shutdown(views, query),
      hint: "curl -X POST .../admin/shutdown",
    },
  ];
}

function ready({ notReady }: AdminViews): AdminResponse {
  const why = notReady();
  return why === null ? text("ready\n") : text(`${why}\n`, 503);
}

/** `?lines`: as it was written. */
async function config(views: AdminViews, query: URLSearchParams): Promise<AdminResponse> {
  return hasFlag(query, "lines")
    ? longJson(await views.dashboard.configText())
    : json(views.config());
}

function serverInfo({ build }: AdminViews, clock: Clock): AdminResponse {
  const uptimeMs = Math.round(process.uptime() * 1_000);
  return json({
    name: build.name,
    version: build.version,
    build_revision: build.revision,
    node: process.version,
    pid: process.pid,
    start_time: new Date(clock.wallMs() - uptimeMs).toISOString(),
    uptime: uptimeMs,
  });
}

function setLevel(views: AdminViews, { body, contentType }: AdminRequest): AdminResponse {
  if (contentType !== "application/x-www-form-urlencoded") {
    return errorResponse(
      415,
      "expected a form: curl -d 'logger=root&level=DEBUG' .../logging.json",
    );
  }
  const form = new URLSearchParams(body);
  const logger = form.get("logger");
  const level = form.get("level");
  if (!logger || !level) return errorResponse(400, "expected logger=<name> and level=<level>");
  if (views.setLogLevel(logger, level)) return json({ logger, level: level.toUpperCase() });
  return errorResponse(
    400,
    `unknown level ${level}; the levels are ALL TRACE DEBUG INFO WARNING ERROR CRITICAL FATAL OFF`,
  );
}

function shutdown(views: AdminViews, query: URLSearchParams): AdminResponse {
  const given = query.get("grace");
  const graceMs = given === null ? null : durationMs(given);
  if (given !== null && graceMs === null) {
    return errorResponse(400, `grace ${given} is not a duration such as 500, 500ms or 10s`);
  }
  // Deferred, so that the response is under way: the admin server is the last part to close.
  setImmediate(() => views.shutdown(graceMs));
  return text("quitting\n");
}

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  millisecond: 1,
  milliseconds: 1,
  s: 1_000,
  second: 1_000,
  seconds: 1_000,
  m: 60_000,
  minute: 60_000,
  minutes: 60_000,
};

/** Parses `500`, `500ms`, `10s` and Finagle's `10.seconds`; null if malformed. */
function durationMs(given: string): number | null {
  const parts = /^(\d{1,9})(?:\.?([a-z]+))?$/.exec(given);
  const unit = unitMs[parts?.[2] ?? "ms"];
  return parts === null || unit === undefined ? null : Number(parts[1]) * unit;
}
