// Naming: how a name resolves, which names are bound, what namers watch.
import type { Clock } from "../../core/clock.ts";
import { parseDtab, type Dtab } from "../../core/names/dtab.ts";
import type { Live, State } from "../../core/live.ts";
import { parsePath } from "../../core/names/path.ts";
import { errorResponse, type AdminRequest, type AdminResponse, type AdminPage } from "../page.ts";
import { longJson } from "../long-page.ts";
import type { AdminViews, Json, PolicyView } from "../views.ts";

const delegateTimeoutMs = 2_000;

export function namingPages(views: AdminViews, clock: Clock): readonly AdminPage[] {
  const delegator = (path: string): AdminPage => ({
    path,
    category: "ui",
    get: ({ query }) => delegate(views, clock, fromQuery(query)),
    post: (request) => delegate(views, clock, fromBody(request)),
    postAsks: true,
  });
  return [
    delegator("/delegator.json"),
    ...(views.isNameServer ? [delegator("/dtab/delegator.json")] : []), // Linkerd's address there
    ...storageState(views),
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

function storageState(views: AdminViews): readonly AdminPage[] {
  const storage = views.storage();
  return storage === null ? [] : [state(`/storage/${storage.name}.json`, () => storage.state())];
}

function state(path: string, read: () => Json): AdminPage {
  return { path, category: "diagnostics", get: () => longJson(read()) };
}

function policyOf(policy: PolicyView, text: string | null): AdminResponse | Promise<AdminResponse> {
  if (text === null)
    return errorResponse(400, "Invalid path: the parameter path=/svc/... is missing");
  const path = parsePath(text);
  return path.ok
    ? longJson(policy.of(path.value))
    : errorResponse(400, `Invalid path: ${path.error.message}`);
}

/** A query of the delegator, not parsed yet; null: absent. */
interface DelegationQuery {
  readonly namespace: string | null;
  readonly dtab: string | null;
  readonly path: string;
}

function fromQuery(query: URLSearchParams): DelegationQuery | AdminResponse {
  const path = query.get("path");
  if (path === null)
    return errorResponse(400, "Invalid path: the parameter path=/svc/... is missing");
  return { namespace: query.get("namespace"), dtab: query.get("dtab"), path };
}

/** Like Linkerd, requires `dtab` and `path`. */
function fromBody({ contentType, body }: AdminRequest): DelegationQuery | AdminResponse {
  if (contentType !== "application/json") {
    return errorResponse(
      415,
      `expected Content-Type application/json, got ${contentType || "no Content-Type"}`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    return errorResponse(400, `malformed JSON: ${error instanceof Error ? error.message : ""}`);
  }
  const { namespace, dtab, path } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof dtab !== "string" || typeof path !== "string" || !isTextOrAbsent(namespace)) {
    return errorResponse(
      400,
      'expected {"namespace": "<router>", "dtab": "...", "path": "/svc/..."}',
    );
  }
  return { namespace: namespace ?? null, dtab, path };
}

function isTextOrAbsent(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || typeof value === "string";
}

async function delegate(
  views: AdminViews,
  clock: Clock,
  query: DelegationQuery | AdminResponse,
): Promise<AdminResponse> {
  if ("status" in query) return query;
  const path = parsePath(query.path);
  if (!path.ok) return errorResponse(400, `Invalid path: ${path.error.message}`);
  let dtab: Dtab | null = null;
  if (query.dtab !== null) {
    const size = views.dtabProblem(query.namespace, query.dtab);
    if (size !== null) return errorResponse(400, size);
    const parsed = parseDtab(query.dtab);
    if (!parsed.ok) return errorResponse(400, `Invalid dtab: ${parsed.error.message}`);
    dtab = parsed.value;
  }
  const live = views.delegate(query.namespace, dtab, path.value);
  if (live === null) {
    return errorResponse(
      501,
      `there is no router ${query.namespace}, or its interpreter cannot show how names resolve`,
    );
  }
  const state = await firstComplete(live, clock, delegateTimeoutMs);
  if (state.kind === "ok") return longJson(state.value);
  if (state.kind === "failed") return errorResponse(500, state.why.detail);
  return errorResponse(503, "Request timed out.");
}

/** The state once nothing in it is pending, or whatever is known after `timeoutMs`. */
function firstComplete<T>(live: Live<T>, clock: Clock, timeoutMs: number): Promise<State<T>> {
  return new Promise((resolve) => {
    const finish = () => {
      const found = live.state; // read before the watch closes: an unwatched state is not kept current
      cancel();
      closeWatch();
      resolve(found);
    };
    const closeWatch = live.watch((now) => {
      if (isComplete(now)) finish();
    });
    const cancel = clock.after(timeoutMs, finish);
    if (isComplete(live.state)) finish();
  });
}

/** A tree exists immediately, with nodes and addresses of type `pending` until discovery responds. */
function isComplete(state: State<Json>): boolean {
  return state.kind === "ok" ? !hasPending(state.value) : state.kind === "failed";
}

function hasPending(value: Json): boolean {
  if (typeof value !== "object" || value === null) return false;
  if ("type" in value && value.type === "pending") return true;
  return Object.values(value).some(hasPending);
}
