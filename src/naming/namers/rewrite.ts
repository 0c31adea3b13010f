// Rewrites names: one that matches a pattern becomes another name, which is looked up again.
//
//     namers:
//     - kind: io.l5d.rewrite
//       prefix: /rewrite
//       pattern: /{service}/api
//       name: /srv/{service}
//
// `/#/rewrite/users/api` becomes `/srv/users`. What follows the pattern is dropped. A name that
// does not match does not exist. `*` stands for any one segment; a `{name}` takes as much of its
// segment as it can, and the whole segment must fit.
import * as v from "valibot";
import { constant, ok } from "../../core/live.ts";
import { leaf, neg } from "../../core/names/nametree.ts";
import type { NamerDeps, NamerPlugin, RunningNamer } from "../../core/naming.ts";
import { parsePath } from "../../core/names/path.ts";
import { substitutePath } from "../../core/names/path-pattern.ts";
import { plugin } from "../../core/plugin.ts";
import { path, pathPattern } from "../../core/schema.ts";

/** A path with `{name}`s in it. */
const template = () =>
  v.pipe(
    v.string("expected a path with {names}, such as /srv/{service}"),
    v.check(
      (text) => parsePath(text.replaceAll(/\{[0-9A-Za-z.:_-]+\}/g, "x")).ok,
      (issue) => `expected a path with {names}, such as /srv/{service}, got '${issue.input}'`,
    ),
    v.trim(),
  );

const schema = v.strictObject({
  kind: v.literal("io.l5d.rewrite"),
  prefix: path(),
  pattern: pathPattern(),
  name: template(),
});

export const rewrite: NamerPlugin = plugin({
  kind: "io.l5d.rewrite",
  schema,
  create: ({ pattern, name }, _deps: NamerDeps): RunningNamer => ({
    lookup(path) {
      const captures = pattern.match(path);
      const rewritten = captures === null ? null : substitutePath(name, captures);
      return constant(ok(rewritten === null ? neg : leaf(rewritten)));
    },
    close() {},
  }),
});
