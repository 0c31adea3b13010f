// Service discovery in the configuration itself: names with their addresses.
//
//     namers:
//     - kind: io.l5d.static
//       prefix: /io.l5d.static    # the default
//       names:
//         users:
//         - 127.0.0.1:8080
//         - users-2.internal:8080 * 0.5
//         web/blue: ["[::1]:8080"]
//         retired: []
//
// `/#/io.l5d.static/users/x` has two addresses, `/x` is left over; of several names that match, the
// longest counts. Host names are looked up again every 5 s; `* weight` is the share of traffic.
import * as v from "valibot";
import { constant, ok } from "../../core/live.ts";
import { leaf, neg } from "../../core/names/nametree.ts";
import type { Bound, NamerDeps, NamerPlugin, RunningNamer } from "../../core/naming.ts";
import { join, parsePath, root, segmentsOf, pathOfShown, without } from "../../core/names/path.ts";
import type { Path } from "../../core/names/path.ts";
import { plugin } from "../../core/plugin.ts";
import { path } from "../../core/schema.ts";
import { parseHostPort, resolvedLines } from "../fs/address-lines.ts";
import type { AddressLine } from "../fs/address-lines.ts";

const address = () =>
  v.pipe(
    v.string("expected an address such as 127.0.0.1:8080"),
    v.rawTransform(({ dataset, addIssue, NEVER }): AddressLine => {
      const line = parseHostPort(dataset.value);
      if (line !== null) return line;
      addIssue({
        message: `expected host:port or host:port * weight with a port of 1..65535, got '${dataset.value}'`,
      });
      return NEVER;
    }),
  );

/** `users`, `web/blue`; a leading slash is accepted. */
const relativePath = () =>
  v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }): string => {
      const parsed = parsePath(dataset.value.replace(/^\s*\/?/, "/"));
      if (parsed.ok && parsed.value !== root) return parsed.value;
      addIssue({ message: `expected a name such as users or web/blue, got '${dataset.value}'` });
      return NEVER;
    }),
  );

const schema = v.strictObject({
  kind: v.literal("io.l5d.static"),
  prefix: v.optional(path(), "/io.l5d.static"),
  names: v.record(relativePath(), v.array(address(), "expected a list of addresses")),
});

export const staticNamer: NamerPlugin = plugin({
  kind: "io.l5d.static",
  schema,
  create(config, deps: NamerDeps): RunningNamer {
    const known = new Map<string, Bound>();
    for (const [name, lines] of Object.entries(config.names)) {
      const id = join(deps.id, name as Path); // `relativePath` made it
      known.set(name, { id, residual: root, addresses: resolvedLines(deps.hosts, lines) });
    }
    return {
      lookup: (path) => constant(ok(found(known, path))),
      boundNames: () => Array.from(known.values(), ({ id }) => id),
      watchState: () => ({ names: Object.fromEntries(Object.entries(config.names)) }),
      close() {},
    };
  },
});

function found(known: ReadonlyMap<string, Bound>, asked: Path) {
  const segments = segmentsOf(asked);
  for (let used = segments.length; used > 0; used--) {
    const name = pathOfShown(segments.slice(0, used));
    const bound = known.get(name);
    if (bound !== undefined) return leaf({ ...bound, residual: without(asked, name) });
  }
  return neg;
}
