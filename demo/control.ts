// The supervisor's own small port: says how the instances are, stops, kills and starts them.
import { header, json, problem, serve, type Asked, type Reply, type Serving } from "./http.ts";
import type { Fleet } from "./fleet.ts";

const help = "GET /status, POST /stop/NAME, POST /kill/NAME, POST /start/NAME";

/** `fleet` is asked for per request: this port is there before the fleet is. */
export function serveControl(fleet: () => Fleet | null): Promise<Serving> {
  return serve(0, (asked) => {
    // Browsers send Origin with what another site's page asks for. Ours goes through web.
    if (header(asked, "origin") !== null) return problem(403, "not for pages of other sites");
    const found = fleet();
    return found === null ? problem(503, "still starting") : answer(asked, found);
  });
}

async function answer({ method, path }: Asked, fleet: Fleet): Promise<Reply> {
  if (path === "/" || path === "/status") {
    return method === "GET" ? json(200, fleet.status()) : problem(405, `${path}: GET only`);
  }
  const [, order = "", name = ""] = path.split("/");
  const instance = fleet.instance(name);
  if (instance === undefined) {
    const names = fleet.instances.map((each) => each.name).join(", ");
    return problem(404, `no instance "${name}"; there are ${names}. ${help}`);
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
