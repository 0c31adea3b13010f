// Dials a configured host by an address that is resolved ahead, not by a lookup at the time of need.
import { isIPv6 } from "node:net";
import type { LookupFunction } from "node:net";
import type { Close } from "../../core/clock.ts";
import type { HostResolver } from "../../core/naming.ts";
import type { State } from "../../core/live.ts";

/** `lookup` is for sockets to `host`. Closing ends the watch of its addresses. */
export function lookupAhead(
  hosts: HostResolver,
  host: string,
): { readonly lookup: LookupFunction; readonly close: Close } {
  const live = hosts.resolve(host, "configured");
  const close = live.watch(() => {});
  const lookup: LookupFunction = (_host, options, done) => {
    const settle = (state: State<readonly string[]>) => {
      if (state.kind !== "ok" || state.value.length === 0) {
        const why = state.kind === "failed" ? state.why.detail : `the host name ${host} is unknown`;
        done(Object.assign(new Error(why), { code: "ENOTFOUND" }), "", 4);
        return;
      }
      const found = state.value.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
      const [first] = found;
      if (options.all === true) done(null, found);
      else done(null, first?.address ?? "", first?.family ?? 4);
    };
    if (live.state.kind !== "pending") return settle(live.state);
    const unwatch = live.watch((state) => {
      if (state.kind === "pending") return;
      unwatch();
      settle(state);
    });
  };
  return { lookup, close };
}
