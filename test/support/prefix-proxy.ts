// A web server in front of an admin server, which shows it below a prefix.
import { createServer, request as ask } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

/** The address of the admin server's root, such as `http://127.0.0.1:4711/ops/web/`. */
export async function behindPrefix(
  t: TestContext,
  adminPort: number,
  prefix: string,
): Promise<string> {
  const server = createServer(({ url = "/", method, headers }, response) => {
    if (!url.startsWith(prefix)) return void response.writeHead(404).end("not below the prefix");
    const path = url.slice(prefix.length - 1);
    const asked = ask({ port: adminPort, host: "127.0.0.1", path, method, headers }, (found) => {
      response.writeHead(found.statusCode ?? 502, found.headers);
      found.pipe(response);
    });
    asked.on("error", () => response.destroy());
    response.on("close", () => asked.destroy());
    asked.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`;
}
