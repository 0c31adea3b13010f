// Keys of `service` and `client` that are in the wrong place, or that can have no effect there.
import type { Finding } from "../yaml/locate.ts";
import type { Kinds } from "../kinds.ts";
import type { Step } from "../yaml/yaml.ts";
import { entriesOf, fieldsOf, mapsOf } from "./untyped.ts";

/** Keys beside `configs`, or `configs` without the kind that reads it. */
export function misplacedPolicy(section: unknown, steps: readonly Step[]): Finding[] {
  const data = fieldsOf(section);
  const { kind = "io.l5d.global", configs, experimental: _, ...others } = data;
  if (kind === "io.l5d.global") {
    if (configs === undefined) return [];
    const message = "has an effect only with kind: io.l5d.static, which is missing here";
    return [{ steps: [...steps, "configs"], at: "key", message }];
  }
  if (kind !== "io.l5d.static") return [];
  if (configs === undefined) {
    const message = "io.l5d.static needs configs, a list of entries with a prefix";
    return [{ steps: [...steps, "kind"], at: "value", message }];
  }
  const message =
    "io.l5d.static reads keys only in configs: move this one into an entry there, for all names `prefix: /`";
  return Object.keys(others).map((key) => ({ steps: [...steps, key], at: "key", message }));
}

/** Client prefixes that can match no client, usually because they are logical names. */
export function prefixesWithoutClients(file: unknown): Finding[] {
  return mapsOf(fieldsOf(file)["routers"]).flatMap(({ data, index }) =>
    mapsOf(fieldsOf(data["client"])["configs"]).flatMap((entry) => {
      const { prefix } = entry.data;
      if (typeof prefix !== "string" || /^\s*\/(\s*$|[#$%*{])/.test(prefix)) return [];
      const steps = ["routers", index, "client", "configs", entry.index, "prefix"];
      const message = `${prefix} matches no client: ids of clients begin with /#, /$ or /%, such as /#/io.l5d.fs/users`;
      return [{ steps, at: "value", message }] as const;
    }),
  );
}

/** Hedges in a router that declares no call idempotent. */
export function hedgesWithoutEffect(file: unknown, kinds: Kinds): Finding[] {
  return mapsOf(fieldsOf(file)["routers"]).flatMap(({ data, index }) => {
    const protocol = kinds.protocols.find(({ name }) => name === data["protocol"]);
    // In other protocols each request shows whether it is idempotent.
    if (protocol === undefined || !Object.hasOwn(protocol.serviceKeys, "idempotent")) return [];
    const isDeclared = entriesOf(data["service"], []).some(({ data: { idempotent = false } }) => {
      return idempotent !== false;
    });
    if (isDeclared) return [];
    return entriesOf(data["client"], ["routers", index, "client"])
      .filter((entry) => entry.data["hedge"] !== undefined)
      .map(({ steps }) => ({ steps: [...steps, "hedge"], at: "key", message: noIdempotentCalls }));
  });
}

const noIdempotentCalls =
  "has no effect: no call is known to be idempotent, so none is sent twice; declare idempotent calls with idempotent in service";
