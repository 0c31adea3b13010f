// The usual proxy built with the npm package: a server whose handler is a client.
// A separate process: `npm-thrift.js PORT ORIGIN_PORT...`
import { createRequire } from "node:module";
import type { Server } from "node:net";
import thrift from "thrift";

interface EchoClient {
  echo(text: string): Promise<string>;
}

const require = createRequire(import.meta.url);
// From dist/bench/peers to idl, which is not compiled.
const generated = "../../../idl/gen-nodejs/";
const Echo = require(`${generated}Echo.js`) as never;

const [port = 0, ...origins] = process.argv.slice(2).map(Number);
const speech = { transport: thrift.TFramedTransport, protocol: thrift.TBinaryProtocol };
const clients = origins.map((origin) => {
  const connection = thrift.createConnection("127.0.0.1", origin, speech);
  return thrift.createClient(Echo, connection) as EchoClient;
});
let next = 0;

const handler = {
  echo: (text: string) => clients[next++ % clients.length]?.echo(text),
};
const server = thrift.createServer(Echo, handler as never, speech) as unknown as Server;
// The server reports callers that hang up as errors.
server.on("error", () => {});
server.listen(port, "127.0.0.1");
