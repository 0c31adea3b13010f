// Marathon's HTTP API (v2): apps, their tasks, and how to log in.
import { sign } from "node:crypto";
import type { Instance } from "../discovery/instance.ts";
import { JsonClient, StatusError } from "../discovery/get-json.ts";
import { fieldsOf, listOf } from "../discovery/untyped-json.ts";
import type { Fields } from "../discovery/untyped-json.ts";

export interface MarathonApi {
  /** Ids in lower case, such as `/group/web`. */
  apps(signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** Empty when the app has gone. */
  instances(id: string, signal: AbortSignal): Promise<readonly Instance[]>;
  close(): void;
}

export function marathonApi(
  origin: string,
  connect: object,
  { uriPrefix, useHealthCheck }: { readonly uriPrefix: string; readonly useHealthCheck: boolean },
): MarathonApi {
  const client = new JsonClient(origin, connect);
  const login = loginOf(process.env);
  const api = `${uriPrefix}/v2/apps`;
  let token: string | null = null;
  const ask = async (path: string, signal: AbortSignal): Promise<unknown> => {
    if (login === null) return client.json(path, signal);
    if (login.kind === "basic") return client.json(path, signal, headersOf(`Basic ${login.token}`));
    token ??= await tokenFrom(client, login, signal);
    try {
      return await client.json(path, signal, headersOf(`token=${token}`));
    } catch (error) {
      if (!(error instanceof StatusError) || error.status !== 401) throw error;
      token = await tokenFrom(client, login, signal); // the old one has expired
      return client.json(path, signal, headersOf(`token=${token}`));
    }
  };
  return {
    async apps(signal) {
      const { apps } = fieldsOf(await ask(api, signal));
      if (!Array.isArray(apps)) throw new Error("its response has no list of apps");
      const ids = (apps as unknown[]).map((app) => fieldsOf(app)["id"]);
      return new Set(ids.filter((id) => typeof id === "string").map((id) => id.toLowerCase()));
    },
    async instances(id, signal) {
      const path = `${api}${id.split("/").map(encodeURIComponent).join("/")}?embed=app.tasks`;
      try {
        return instancesOf(fieldsOf(await ask(path, signal))["app"], useHealthCheck);
      } catch (error) {
        if (error instanceof StatusError && error.status === 404) return [];
        throw error;
      }
    },
    close: () => client.close(),
  };
}

const headersOf = (authorization: string) => ({ headers: { authorization } });

/** More hold up all calls while the endpoints are made. */
const maxTasks = 20_000;

/** An app with a discovery port has addresses of its own in a network; others are at a port of their host. */
function instancesOf(json: unknown, useHealthCheck: boolean): readonly Instance[] {
  const app = fieldsOf(json);
  const { ports } = fieldsOf(fieldsOf(app["ipAddress"])["discovery"]);
  const ownPort = fieldsOf(listOf(ports)[0])["number"];
  const checks = listOf(app["healthChecks"]).length;
  const tasks = listOf(app["tasks"]);
  if (tasks.length > maxTasks) throw new Error(`the app has more than ${maxTasks} tasks`);
  const found = new Map<string, Instance>();
  for (const each of tasks) {
    const task = fieldsOf(each);
    if (useHealthCheck && !isHealthy(task, checks)) continue;
    const host =
      ownPort === undefined ? task["host"] : fieldsOf(listOf(task["ipAddresses"])[0])["ipAddress"];
    const port = ownPort ?? listOf(task["ports"])[0];
    if (typeof host !== "string" || host === "" || !isPort(port)) continue;
    found.set(`${host} ${port}`, { host, port, weight: 1 });
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, instance]) => instance);
}

function isHealthy(task: Fields, checks: number): boolean {
  if (task["state"] !== "TASK_RUNNING") return false;
  const alive = listOf(task["healthCheckResults"]).filter(
    (each) => fieldsOf(each)["alive"] === true,
  );
  return alive.length >= checks;
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
}

type Login =
  | { readonly kind: "basic"; readonly token: string }
  | {
      readonly kind: "dcos";
      readonly path: string;
      readonly uid: string;
      readonly privateKey: string;
    };

/**
 * As Linkerd: an account of DC/OS in `DCOS_SERVICE_ACCOUNT_CREDENTIAL` (JSON with login_endpoint, private_key, scheme RS256
 * and uid), or what follows `Basic ` in `MARATHON_HTTP_AUTH_CREDENTIAL`. Throws with a text for people.
 */
function loginOf(environment: NodeJS.ProcessEnv): Login | null {
  const credential = environment["DCOS_SERVICE_ACCOUNT_CREDENTIAL"];
  const basic = environment["MARATHON_HTTP_AUTH_CREDENTIAL"];
  if (credential === undefined || credential === "") {
    return basic === undefined || basic === "" ? null : { kind: "basic", token: basic };
  }
  let fields: Fields;
  try {
    fields = fieldsOf(JSON.parse(credential));
  } catch {
    throw new Error("DCOS_SERVICE_ACCOUNT_CREDENTIAL is not JSON");
  }
  const { login_endpoint: endpoint, private_key: privateKey, scheme, uid } = fields;
  const isWhole =
    typeof endpoint === "string" && typeof privateKey === "string" && typeof uid === "string";
  if (!isWhole || scheme !== "RS256") {
    throw new Error(
      "DCOS_SERVICE_ACCOUNT_CREDENTIAL needs login_endpoint, private_key, uid, and RS256 as scheme",
    );
  }
  return { kind: "dcos", path: new URL(endpoint).pathname, uid, privateKey };
}

async function tokenFrom(
  client: JsonClient,
  { path, uid, privateKey }: Extract<Login, { kind: "dcos" }>,
  signal: AbortSignal,
): Promise<string> {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ typ: "JWT", alg: "RS256" })}.${part({ uid })}`;
  const signature = sign("RSA-SHA256", Buffer.from(signed), privateKey).toString("base64url");
  const { token } = fieldsOf(
    await client.json(path, signal, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ uid, token: `${signed}.${signature}` }),
    }),
  );
  if (typeof token !== "string") throw new Error("the login gave no token");
  return token;
}
