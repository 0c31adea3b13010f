// Finds what a request of the HTTP API asks for.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { InterfaceDeps } from "../interface.ts";
import { dtabPages } from "./dtab-pages.ts";
import { namePages } from "./name-pages.ts";
import { respond } from "./reply.ts";

const prefix = "/api/1/";

export function routes(
  deps: InterfaceDeps,
): (request: IncomingMessage, response: ServerResponse) => void {
  const dtabs = dtabPages(deps.namespaces.store, deps.clock);
  return (request, response) => {
    const target = targetOf(request.url ?? "/");
    if (target === null || !target.path.startsWith(prefix)) return respond(response, 404);
    const [page = "", ...rest] = target.path.slice(prefix.length).split("/");
    const namespace =
      rest.length === 0 || (rest.length === 1 && rest[0] === "") ? null : rest.join("/");
    const isWatch = ["true", "1", "t"].includes(target.query.get("watch") ?? "");
    if (page === "dtabs") {
      if (namespace === null) return dtabs.list(response, isWatch);
      const [, ofHistory] = /^([^/]+)\/history$/.exec(namespace) ?? [];
      if (ofHistory !== undefined) return dtabs.history(response, ofHistory);
      return dtabs.namespace(request, response, namespace, isWatch);
    }
    if (!Object.hasOwn(namePages, page)) return respond(response, 404);
    return namePages[page]?.({ request, response, namespace, query: target.query, isWatch }, deps);
  };
}

function targetOf(url: string): { path: string; query: URLSearchParams } | null {
  const [path = "", query = ""] = url.split(/\?(.*)/s);
  try {
    return { path: decodeURIComponent(path), query: new URLSearchParams(query) };
  } catch {
    return null;
  }
}
