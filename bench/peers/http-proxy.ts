// The npm package http-proxy in its usual setup: a keep-alive agent, round-robin targets.
// A separate process: `http-proxy.js PORT ORIGIN_PORT...`
import { Agent, createServer } from "node:http";
import httpProxy from "http-proxy";

const [port = 0, ...origins] = process.argv.slice(2).map(Number);
const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
const targets = origins.map((origin) => ({ host: "127.0.0.1", port: origin }));
const proxy = httpProxy.createProxyServer({ agent });
let next = 0;

proxy.on("error", (_error, _request, response) => {
  if ("writeHead" in response && !response.headersSent) response.writeHead(502);
  response.end();
});
createServer((request, response) => {
  const target = targets[next++ % targets.length];
  if (target !== undefined) proxy.web(request, response, { target });
}).listen(port, "127.0.0.1");
