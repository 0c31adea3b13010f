// The supervisor's control port: reports the state of the instances, stops, kills and starts them.
import {
  header,
  json,
  problem,
  serve,
  type HttpRequest,
  type Reply,
  type Serving,
} from "./http.ts";
import type { Fleet } from "./fleet.ts";

const help = "GET /status, POST /renew, POST /stop/NAME, POST /kill/NAME, POST /start/NAME";

/** `fleet` is called per request, because this port opens before the fleet exists. */
export function serveControl(fleet: () => Fleet | null): Promise<Serving> {
  return serve(0, (request) => {
    // Browsers send Origin with requests from pages of other sites. The demo's own page goes through web.
    if (header(request, "origin") !== null) return problem(403, "not for pages of other sites");
    const found = fleet();
    return found === null ? problem(503, "still starting") : handle(request, found);
  });
}

async function handle({ method, path }: HttpRequest, fleet: Fleet): Promise<Reply> {
  if (path === "/" || path === "/status") {
    return method === "GET" ? json(200, fleet.status()) : problem(405, `${path}: GET only`);
  }
  if (path === "/renew") {
    if (method !== "POST") return problem(405, `${path} changes something: use POST`);
    if (fleet.tls === null)
      return problem(404, "the sidecars speak plain text: npm start -- --tls");
    fleet.tls.renew();
    return json(200, fleet.status());
  }
  const [, order = "", name = ""] = path.split("/");
  const instance = fleet.instance(name);
  if (instance === undefined) {
    const names = fleet.instances.map((each) => each.name).join(", ");
    return problem(404, `no instance "${name}"; available: ${names}. ${help}`);
  }
  if (method !== "POST") return problem(405, `${path} changes something: use POST`);
  if (order === "stop") await instance.stop();
  else if (order === "kill") await instance.kill();
  else if (order !== "start") return problem(404, `no order "${order}". ${help}`);
  else {
    const why = await instance.start();
    if (why !== null) return problem(500, why);
  }
  return json(200, instance.status());
}
