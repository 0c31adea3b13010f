// An admin server on a free port, with views that a test can override.
import { Readable } from "node:stream";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import type { TestContext } from "node:test";
import { builtDashboard } from "../support/dashboard.ts";
import { realClock } from "../support/real-clock.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { TextPage } from "../../src/core/text-page.ts";
import type { LogEvent } from "../../src/core/log.ts";
import { openAdmin, type AdminOptions } from "../../src/admin/server.ts";
import type { Instance } from "../../src/admin/dashboard/shapes.ts";
import type { AdminViews } from "../../src/admin/views.ts";

export interface AdminResult {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}
export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export const noProblems = { problems: [], more: 0, looked: ["1 router"] };

export const instance: Instance = {
  name: "http",
  host: "here",
  version: "0.1.0",
  file: null,
  pid: 1,
  node: "v20",
  uptimeMs: 0,
  residentBytes: 0,
  busy: 0,
  notReady: null,
  hasFleet: false,
};

const views: AdminViews = {
  build: { name: "switchyard", version: "0.1.0", revision: null },
  dashboard: {
    overview: () =>
      Promise.resolve({
        at: "",
        instance,
        routers: [],
        rows: [],
        leftOut: 0,
        problems: noProblems,
      }),
    samples: () => Promise.resolve({ periodMs: 5_000, last: -1, byKey: {} }),
    lastSample: () => -1,
    scope: () => Promise.resolve(null),
    configText: () => Promise.resolve({ file: null, lines: ["routers: []"] }),
  },
  notReady: () => null,
  config: () => ({ routers: [{ protocol: "http", label: "http" }] }),
  metricsJson: ({ below, ...rest }) =>
    Promise.resolve(below === "none" ? null : pageOf(JSON.stringify({ below, ...rest }))),
  exporters: () => [],
  fleetPage: () => Promise.resolve(pageOf("")),
  fleet: () => null,
  delegate: () => null,
  dtabProblem: () => null,
  endpoints: () => [],
  identify: () => ({}),
  isNameServer: false,
  storage: () => null,
  tap: () => Readable.from(["\n"]),
  requests: () => ({ routers: [], requests: [] }),
  clientState: () => ({}),
  boundNames: () => [],
  namerStates: () => new Map(),
  announced: () => [],
  policies: () => [],
  faults: () => [],
  setFaults: () => 0,
  interpreterStates: () => [],
  problems: () => Promise.resolve({ problems: [] }),
  lint: () => Promise.resolve([]),
  registry: () => ({}),
  logLevels: () => [{ logger: "root", level: "INFO" }],
  setLogLevel: (_, level) => level === "DEBUG",
  tracing: () => ({ enabled: true, exporters: [] }),
  setTracing: () => false,
  shutdown: () => {},
};

export function pageOf(text: string): TextPage {
  return { maxBytes: Buffer.byteLength(text), pieces: () => [text] };
}

export async function startAdmin(
  t: TestContext,
  changed: Partial<AdminViews> = {},
  options: Partial<AdminOptions> & {
    readonly clock?: Clock;
    readonly maxConnections?: number;
  } = {},
) {
  const { clock = realClock, maxConnections = 100, ...others } = options;
  builtDashboard(); // its documents are among the pages
  const logged: LogEvent[] = [];
  const note = (event: LogEvent) => void logged.push(event);
  const log = { debug: note, info: note, warn: note, error: note };
  const admin = await openAdmin(
    { host: "127.0.0.1", port: 0, security: null, ...others },
    { ...views, ...changed },
    { clock, log, maxConnections },
  );
  t.after(() => admin.close(0));
  const ask = (path: string, asked: AskOptions = {}) => exchange(admin.port, path, asked);
  return { admin, ask, logged };
}

export function exchange(port: number, path: string, asked: AskOptions = {}): Promise<AdminResult> {
  const { method = "GET", headers = {}, body } = asked;
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: "127.0.0.1", port, path, method, headers, agent: false });
    request.on("error", reject);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    request.end(body);
  });
}
