// Names in `announce`, and the announcers that handle them.
import type { Finding } from "../yaml/locate.ts";
import type { Step } from "../yaml/yaml.ts";
import { mapsOf } from "./untyped.ts";
import type { Data } from "./untyped.ts";

interface Announced {
  readonly name: string;
  readonly steps: readonly Step[];
  /** Prefixes of the router's announcers, such as `/#/io.l5d.consul`. */
  readonly prefixes: readonly string[];
}

/** Names with more than one segment below the prefix of their announcer. */
export function wronglyAnnounced(router: Data, steps: readonly Step[]): Finding[] {
  return announcedOf(router, steps).flatMap(({ name, steps: at, prefixes }): Finding[] => {
    const own = prefixes.find((prefix) => name.startsWith(`${prefix}/`));
    if (own === undefined || !name.slice(own.length + 1).includes("/")) return [];
    const message = `expected one name behind ${own}, such as ${own}/users`;
    return [{ steps: at, at: "value", message }];
  });
}

/** Names that no announcer of the router handles: the server runs without being announced. */
export function neverAnnounced(router: Data, steps: readonly Step[]): Finding[] {
  return announcedOf(router, steps).flatMap(({ name, steps: at, prefixes }): Finding[] => {
    if (prefixes.some((prefix) => name.startsWith(`${prefix}/`))) return [];
    const there =
      prefixes.length === 0
        ? "the router has no announcers, such as { kind: io.l5d.consul }"
        : `the announcers of the router handle names below ${prefixes.join(" and ")}`;
    return [{ steps: at, at: "value", message: `is never announced: ${there}` }];
  });
}

function announcedOf(router: Data, steps: readonly Step[]): Announced[] {
  const prefixes = mapsOf(router["announcers"]).flatMap(({ data: { kind, prefix } }) =>
    typeof kind === "string" ? [`/#${typeof prefix === "string" ? prefix : `/${kind}`}`] : [],
  );
  return mapsOf(router["servers"]).flatMap(({ data: { announce }, index }) => {
    const names = Array.isArray(announce) ? (announce as unknown[]) : [];
    return names.flatMap((name, i) =>
      typeof name === "string" && name.startsWith("/")
        ? [{ name, steps: [...steps, "servers", index, "announce", i], prefixes }]
        : [],
    );
  });
}
