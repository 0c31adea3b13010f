// A proxy with routers of each protocol and an access log for each, and calls that succeed and fail.
import { join } from "node:path";
import type { TestContext } from "node:test";
import { testFolder } from "./folder.ts";
import { ask } from "./http-request.ts";
import { muxClient, muxService } from "./mux-peer.ts";
import { startProxy } from "./proxy.ts";
import { rawCaller, rawEndpoint } from "./raw.ts";
import type { RawPeer } from "./raw.ts";
import { service } from "./service.ts";
import { binary, framed, textResult } from "./thrift-bytes.ts";

/** Each with the protocol that names the keys of its log. */
const keysOf = { http: "http", thrift: "thrift", mux: "mux", thriftmux: "thrift" } as const;
const call = binary({ method: "get", seqid: 7 });
const reply = framed(binary({ method: "get", seqid: 7, type: 2, body: textResult("got") }));

/** The logs of routers whose only endpoint responds, and of routers where it refuses connections. */
export async function loggedCalls(t: TestContext, format: string): Promise<readonly string[]> {
  const { path } = testFolder(t);
  const web = await service(t, (_, response) => void response.end("hello"));
  const calc = await rawEndpoint(t, async (peer) => {
    await frame(peer);
    peer.send(reply);
  });
  const users = await muxService(t, "ok");
  const ports = { http: web.port, thrift: calc.port, mux: users.port, thriftmux: calc.port };
  const labels = Object.keys(keysOf).flatMap((name) => [name, `${name}-broken`]);
  const file = (label: string) => join(path, `${label}.log`);
  const routers = labels.map((label) => {
    const [protocol, broken] = label.split("-") as [keyof typeof keysOf, string?];
    const log = `${keysOf[protocol]}AccessLog`;
    return `
    - protocol: ${protocol}
      label: ${label}
      ${log}: ${file(label)}
      ${log}Format: ${format}
      dtab: /svc => /$/inet/127.0.0.1/${broken === undefined ? ports[protocol] : 1} ;
      servers: [{ port: 0 }]`;
  });
  const proxy = await startProxy(t, `\n    routers:${routers.join("")}`);
  for (const suffix of ["", "-broken"]) {
    await ask(proxy.portOf(`http${suffix}`), "/a?b", { Host: "web", "User-Agent": 'a "b" \u00e9' });
    const thrift = rawCaller(t, proxy.portOf(`thrift${suffix}`));
    thrift.send(framed(call));
    await frame(thrift);
    const mux = await muxClient(t, proxy.portOf(`mux${suffix}`));
    await mux.dispatch({ dst: "/users", payload: "x" });
    const thriftmux = await muxClient(t, proxy.portOf(`thriftmux${suffix}`));
    await thriftmux.dispatch({ payload: call });
  }
  await proxy.close(0);
  return labels.map(file);
}

async function frame(peer: RawPeer): Promise<void> {
  const prefix = await peer.bytes(4);
  await peer.bytes(Buffer.from(prefix, "latin1").readInt32BE());
}
