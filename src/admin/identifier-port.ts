// The listener of `admin.httpIdentifierPort`: any request is named by each HTTP router, and goes nowhere.
import type { IncomingMessage } from "node:http";
import { hasToken, unauthorized } from "./authentication.ts";
import { json } from "./page.ts";
import { openServer } from "./server.ts";
import type { AdminDeps, AdminOptions, AdminServer } from "./server.ts";
import type { AdminViews } from "./views.ts";

type Options = Pick<AdminOptions, "host" | "port" | "tls" | "token">;

/** Rejects as `openAdmin` does. Requests may have any path, any Host, and the marks of a proxy. */
export function identifierPort(
  options: Options,
  { identify }: Pick<AdminViews, "identify">,
  deps: AdminDeps,
): Promise<AdminServer> {
  const { token } = options;
  return openServer(options, "httpIdentifierPort", deps, (request) => {
    request.resume();
    if (token !== undefined && !hasToken(request.headers.authorization, token))
      return unauthorized();
    return json(identify(headOf(request)));
  });
}

/** As it came in, but for blanks that have no meaning. */
function headOf({ method = "", url = "", httpVersion, rawHeaders }: IncomingMessage): Buffer {
  let head = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let i = 0; i < rawHeaders.length; i += 2)
    head += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
  return Buffer.from(`${head}\r\n`, "latin1");
}
