// Keeps lookups of one origin from holding up those of another: so many at a time, the others wait.
import type { HostLookupResult, LookUpHost } from "./lookup.ts";

interface Waiting {
  readonly host: string;
  readonly start: () => void;
}

/** At most `maxRunning` lookups at a time; of those that wait at most `maxWaiting`, in order. */
export function inLane(lookUp: LookUpHost, maxRunning: number, maxWaiting: number): LookUpHost {
  const waiting = new Set<Waiting>();
  let running = 0;
  const release = () => {
    running -= 1;
    const [next] = waiting;
    if (next === undefined) return;
    waiting.delete(next);
    next.start();
  };
  return (host, done) => {
    let hurry = () => {};
    const start = () => {
      running += 1;
      hurry = lookUp(host, (result) => {
        release();
        done(result);
      });
    };
    if (running < maxRunning) {
      start();
      return () => hurry();
    }
    if (waiting.size >= maxWaiting) {
      done(tooMany(maxRunning + maxWaiting));
      return () => {};
    }
    const turn = { host, start };
    waiting.add(turn);
    return () => {
      if (waiting.delete(turn)) done({ kind: "silent", detail: "the lookup was cancelled" });
      else hurry();
    };
  };
}

function tooMany(count: number): HostLookupResult {
  return { kind: "error", detail: `more than ${count} host names are being looked up` };
}
