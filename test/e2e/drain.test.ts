// SIGTERM under load: a caller of Thrift, THeader, ThriftMux or mux loses no call by it.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setImmediate as polled, setTimeout as sleep } from "node:timers/promises";
import { runProxy } from "../support/command.ts";
import { muxClient, muxService } from "../support/mux-peer.ts";
import { rawCaller, rawEndpoint } from "../support/raw.ts";
import { seeded } from "../support/random.ts";
import { binary, framed, read, readMessages } from "../support/thrift-bytes.ts";
import { until } from "../support/until.ts";

const callers = 120;
const callsBeforeSignal = 600;
const theader = Buffer.from("0fff000000000009000100000000", "hex");

/** Then looks whether the connection has ended, before it calls again, as any client should. */
async function pause(ms: number): Promise<void> {
  await sleep(ms);
  await polled();
}

/** What the callers of one way have seen. */
interface Seen {
  answered: number;
  /** Calls that were sent and got no response. */
  readonly lost: string[];
}

/** Calls with pauses until the proxy closes the connection, as a pooled client would. */
type Caller = (t: TestContext, port: number, pauseMs: () => number, seen: Seen) => Promise<void>;

function plainCaller(header: Buffer): Caller {
  return async (t, port, pauseMs, seen) => {
    const peer = rawCaller(t, port);
    const reply = framed(Buffer.concat([header, binary({ method: "get", type: 2 })]));
    for (let seqid = 1; !peer.hasEnded && !peer.isClosed; seqid++) {
      peer.send(framed(Buffer.concat([header, binary({ method: "get", seqid })])));
      try {
        await peer.bytes(reply.length);
        seen.answered++;
      } catch (error) {
        seen.lost.push(String(error));
      }
      await pause(pauseMs());
    }
    peer.socket.destroy();
  };
}

const muxCaller: Caller = async (t, port, pauseMs, seen) => {
  const client = await muxClient(t, port);
  const isDraining = () => client.others.some(({ type }) => type === 64);
  while (!isDraining() && !client.isClosed) {
    // Several at a time, as mux callers do.
    const calls = [1, 2, 3].map((seqid) =>
      client.dispatch({ payload: binary({ method: "get", seqid }) }),
    );
    const responses = await Promise.race([Promise.all(calls), client.when(() => client.isClosed)]);
    for (const response of responses ?? [null, null, null]) {
      if (response?.status === 0) seen.answered++;
      else seen.lost.push(response === null ? client.closeReason : JSON.stringify(response));
    }
    await pause(pauseMs());
  }
  client.socket.destroy();
};

/** Responds after a moment, so that some calls are always in progress. */
async function thriftService(t: TestContext, header: Buffer): Promise<number> {
  const { port } = await rawEndpoint(t, (peer) =>
    readMessages(peer.socket, (message) => {
      const { seqid } = read(message.subarray(header.length));
      const reply = binary({ method: "get", seqid, type: 2 });
      setTimeout(() => peer.send(framed(Buffer.concat([header, reply]))), 3);
    }),
  );
  return port;
}

async function thriftInMux(t: TestContext): Promise<number> {
  const { port } = await muxService(t, ({ payload, ok }) => {
    const { seqid } = read(payload);
    setTimeout(() => ok(binary({ method: "get", seqid, type: 2 })), 3);
  });
  return port;
}

interface Way {
  readonly name: string;
  readonly keys: string;
  readonly call: Caller;
  endpoint(t: TestContext): Promise<number>;
}

const none = Buffer.alloc(0);

const ways: readonly Way[] = [
  {
    name: "thrift",
    keys: "protocol: thrift",
    call: plainCaller(none),
    endpoint: (t) => thriftService(t, none),
  },
  {
    name: "thrift with THeader",
    keys: "protocol: thrift\n  thriftTransport: header",
    call: plainCaller(theader),
    endpoint: (t) => thriftService(t, theader),
  },
  {
    name: "thriftmux, plain callers",
    keys: "protocol: thriftmux",
    call: plainCaller(none),
    endpoint: (t) => thriftService(t, none),
  },
  {
    name: "thriftmux, mux callers and endpoints",
    keys: "protocol: thriftmux\n  client: { thriftMux: true }",
    call: muxCaller,
    endpoint: thriftInMux,
  },
  {
    name: "mux",
    keys: "protocol: mux\n  identifier: { kind: io.l5d.static, path: all }",
    call: muxCaller,
    endpoint: thriftInMux,
  },
];

for (const way of ways) {
  test(`${way.name}: SIGTERM under load loses no call`, async (t) => {
    const port = await way.endpoint(t);
    const proxy = await runProxy(
      t,
      `
routers:
- ${way.keys}
  dtab: /svc => /$/inet/127.1/${port} ;
  servers: [{ port: 0 }]
`,
    );
    const random = seeded(7);
    const seen: Seen = { answered: 0, lost: [] };
    const pauseMs = () => 250 + 100 * random(); // far above what a busy machine delays a FIN by
    const load = Array.from({ length: callers }, () => way.call(t, proxy.portOf(), pauseMs, seen));
    await until(
      () => seen.answered,
      (answered) => answered >= callsBeforeSignal,
      "the calls before the signal",
    );
    proxy.signal("SIGTERM");
    await Promise.all(load); // each caller ends when its connection does
    assert.deepEqual(seen.lost, []);
    assert.equal((await proxy.ended).code, 0);
  });
}
