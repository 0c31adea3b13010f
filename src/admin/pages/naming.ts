// The pages that show names: how one resolves, what is bound, what namers watch.
import type { Clock } from "../../core/clock.ts";
import { parseDtab, type Dtab } from "../../core/names/dtab.ts";
import type { Live, State } from "../../core/live.ts";
import { parsePath } from "../../core/names/path.ts";
import { json, problem, type AdminRequest, type AdminResponse, type AdminPage } from "../page.ts";
import type { AdminViews, Json, PolicyView } from "../views.ts";

const delegateTimeoutMs = 2_000;

export function namingPages(views: AdminViews, clock: Clock): readonly AdminPage[] {
  return [
    {
      path: "/delegator.json",
      category: "ui",
      get: ({ query }) => delegate(views, clock, fromQuery(query)),
      post: (request) => delegate(views, clock, fromBody(request)),
    },
    state("/bound-names.json", () => views.boundNames()),
    state("/admin/announcer", () => views.announced()),
    state("/client_state.json", () => views.clientState()),
    ...[...views.namerStates()].map(([prefix, read]) => state(`/namer_state/${prefix}.json`, read)),
    ...views
      .interpreterStates()
      .map((interpreter) =>
        state(`/${interpreter.router}/interpreter_state/${interpreter.name}.json`, () =>
          interpreter.state(),
        ),
      ),
    ...views.policies().map((policy): AdminPage => ({
      path: `/${policy.router}/policy.json`,
      category: "diagnostics",
      get: ({ query }) => policyOf(policy, query.get("path")),
    })),
  ];
}

function state(path: string, read: () => Json): AdminPage {
  return { path, category: "diagnostics", get: () => json(read()) };
}

function policyOf(policy: PolicyView, text: string | null): AdminResponse {
  if (text === null) return problem(400, "Invalid path: the parameter path=/svc/... is missing");
  const path = parsePath(text);
  return path.ok
    ? json(policy.of(path.value))
    : problem(400, `Invalid path: ${path.error.message}`);
}

/** What was asked, as text; null: not given. */
interface Question {
  readonly namespace: string | null;
  readonly dtab: string | null;
  readonly path: string;
}

function fromQuery(query: URLSearchParams): Question | AdminResponse {
  const path = query.get("path");
  if (path === null) return problem(400, "Invalid path: the parameter path=/svc/... is missing");
  return { namespace: query.get("namespace"), dtab: query.get("dtab"), path };
}

/** As Linkerd: `dtab` and `path` must be there. */
function fromBody({ contentType, body }: AdminRequest): Question | AdminResponse {
  if (contentType !== "application/json") {
    return problem(415, `expected Content-Type application/json, got ${contentType || "none"}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    return problem(400, `malformed JSON: ${error instanceof Error ? error.message : ""}`);
  }
  const { namespace, dtab, path } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof dtab !== "string" || typeof path !== "string" || !isTextOrAbsent(namespace)) {
    return problem(400, 'expected {"namespace": "<router>", "dtab": "...", "path": "/svc/..."}');
  }
  return { namespace: namespace ?? null, dtab, path };
}

function isTextOrAbsent(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || typeof value === "string";
}

async function delegate(
  views: AdminViews,
  clock: Clock,
  question: Question | AdminResponse,
): Promise<AdminResponse> {
  if ("status" in question) return question;
  const path = parsePath(question.path);
  if (!path.ok) return problem(400, `Invalid path: ${path.error.message}`);
  let dtab: Dtab | null = null;
  if (question.dtab !== null) {
    const parsed = parseDtab(question.dtab);
    if (!parsed.ok) return problem(400, `Invalid dtab: ${parsed.error.message}`);
    dtab = parsed.value;
  }
  const live = views.delegate(question.namespace, dtab, path.value);
  if (live === null) {
    return problem(501, `there is no router ${question.namespace} that can tell how names resolve`);
  }
  const state = await settled(live, clock, delegateTimeoutMs);
  if (state.kind === "ok") return json(state.value);
  if (state.kind === "failed") return problem(500, state.why.detail);
  return problem(503, "Request timed out.");
}

/** Watches until all of it is known, or the time is over: then what is known so far. */
function settled<T>(live: Live<T>, clock: Clock, timeoutMs: number): Promise<State<T>> {
  return new Promise((resolve) => {
    const finish = () => {
      const found = live.state; // read before the watch is closed: then nobody keeps it current
      cancel();
      closeWatch();
      resolve(found);
    };
    const closeWatch = live.watch((now) => {
      if (isKnown(now)) finish();
    });
    const cancel = clock.after(timeoutMs, finish);
    if (isKnown(live.state)) finish();
  });
}

/** A tree is there at once, with nodes and addresses of type `pending` for what is to come. */
function isKnown(state: State<Json>): boolean {
  return state.kind === "ok" ? !isWaiting(state.value) : state.kind === "failed";
}

function isWaiting(value: Json): boolean {
  if (typeof value !== "object" || value === null) return false;
  if ("type" in value && value.type === "pending") return true;
  return Object.values(value).some(isWaiting);
}
