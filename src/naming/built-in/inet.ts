// `/$/inet`, `/$/fixedinet` and rinet: addresses that stand in the name itself.
import type { Close } from "../../core/clock.ts";
import { failed, map, ok, source } from "../../core/live.ts";
import type { Live } from "../../core/live.ts";
import type { AddressSet, Bound, HostResolver } from "../../core/naming.ts";
import { join, pathOfShown } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import type { Address } from "../../core/address.ts";

/** Decimal, 1..65535; null when it is not a port. */
export function portOf(text: string): number | null {
  if (!/^\d{1,5}$/.test(text)) return null;
  const port = Number(text);
  return port >= 1 && port <= 65_535 ? port : null;
}

/** A bound name for a host and a port; its id is `prefix` and the segments it was made of. */
export function boundInet(
  prefix: Path,
  used: readonly string[],
  residual: Path,
  addresses: Live<AddressSet>,
): Bound {
  return { id: join(prefix, pathOfShown(used)), residual, addresses };
}

/** The addresses of a host, which callers may have named, kept current; negative when the name does not exist. */
export function hostAddresses(hosts: HostResolver, host: string, port: number): Live<AddressSet> {
  return map(hosts.resolve(host, "callers"), (ips) => addressSet(ips, port));
}

/** As `hostAddresses`, but only the first result counts, however long it is watched. */
export function fixedHostAddresses(
  hosts: HostResolver,
  host: string,
  port: number,
): Live<AddressSet> {
  let fixed: AddressSet | null = null;
  return source((set) => {
    if (fixed !== null) {
      set(ok(fixed));
      return nothing;
    }
    const live = hosts.resolve(host, "callers");
    let close = nothing;
    const look = () => {
      const { state } = live;
      if (state.kind === "failed") set(failed(state.why));
      if (state.kind !== "ok" || fixed !== null) return;
      fixed = addressSet(state.value, port);
      set(ok(fixed));
      close();
    };
    close = live.watch(look);
    look();
    return () => close();
  });
}

const nothing: Close = () => {};

function addressSet(ips: readonly string[], port: number): AddressSet {
  if (ips.length === 0) return "neg";
  return ips.map((host): Address => ({ host, port, weight: 1 }));
}
