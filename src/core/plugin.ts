// How a `kind:` of the configuration becomes a part of the running process.
import type { GenericSchema, InferOutput } from "./schema.ts";

/**
 * One `kind:` of the configuration. `schema` is a strict object schema with `kind` as a literal;
 * the same schema types `create`, gives an error its path, and yields the JSON Schema that
 * editors use. A whole file is checked, and every problem reported with file:line:column, before
 * anything starts.
 */
export interface Plugin<Schema extends GenericSchema, Deps, Product> {
  /** As written in YAML: `io.l5d.consul`. */
  readonly kind: string;
  readonly schema: Schema;
  create(config: InferOutput<Schema>, deps: Deps): Product;
}

/** Types `create` by `schema`, then forgets the schema's type so that kinds fit in one list. */
export function plugin<Schema extends GenericSchema, Deps, Product>(
  definition: Plugin<Schema, Deps, Product>,
): Plugin<GenericSchema, Deps, Product> {
  const { kind, schema, create } = definition;
  // The one cast: what reaches `create` has been parsed by `schema`.
  return { kind, schema, create: (config, deps) => create(config as InferOutput<Schema>, deps) };
}

/** The plugin of a `kind:` object that has been checked: anything else is a bug. */
export function pluginOf<Deps, Product>(
  plugins: readonly Plugin<GenericSchema, Deps, Product>[],
  { kind }: { readonly kind: string },
): Plugin<GenericSchema, Deps, Product> {
  const found = plugins.find((plugin) => plugin.kind === kind);
  if (found === undefined) throw new Error(`bug: the configuration was not checked: kind ${kind}`);
  return found;
}
