// Mux calls over one raw socket: a constant number in progress; each response triggers the next call.
import { connect } from "node:net";
import type { LoadOptions, LoadResult } from "./load.ts";
import { callFrame, frameReader, rdispatch, statusOf, tagOf, typeOf } from "./mux-frames.ts";
import { quantile } from "./numbers.ts";

const firstTag = 2;

/** `connections` is the number of calls in progress on the one connection. */
export function runMuxLoad({ port, connections, seconds }: LoadOptions): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  const calls = Array.from({ length: connections }, (_, i) => callFrame(i + firstTag));
  const sentMs = new Float64Array(connections);
  let errors = 0;
  let isOver = false;
  const startedMs = performance.now();
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const send = (index: number): void => {
    sentMs[index] = performance.now();
    socket.write(calls[index] ?? "");
  };
  const read = frameReader((frame) => {
    if (typeOf(frame) !== rdispatch) return;
    const index = tagOf(frame) - firstTag;
    if (statusOf(frame) === 0) latenciesMs.push(performance.now() - (sentMs[index] ?? 0));
    else errors++;
    send(index);
  });
  return new Promise((resolve) => {
    const finish = (): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      socket.destroy();
      const sorted = Float64Array.from(latenciesMs).sort();
      resolve({
        requests: sorted.length,
        seconds: (performance.now() - startedMs) / 1_000,
        p50Ms: quantile(sorted, 0.5),
        p99Ms: quantile(sorted, 0.99),
        errors,
      });
    };
    const timer = setTimeout(finish, seconds * 1_000);
    socket.on("connect", () => {
      for (let index = 0; index < connections; index++) send(index);
    });
    socket.on("data", (chunk) => {
      if (isOver) return;
      socket.cork(); // the calls triggered by these responses leave together
      read(chunk);
      socket.uncork();
    });
    socket.on("error", () => errors++);
    socket.on("close", finish);
  });
}
