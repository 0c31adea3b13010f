// Builds the namers and the interpreter of a configuration, each with its transformers.
import { emptyDtab } from "../core/dtab.ts";
import type {
  Interpreter,
  InterpreterPlugin,
  MountedNamer,
  NamerPlugin,
  NamingDeps,
  Transformer,
  TransformerDeps,
  TransformerPlugin,
} from "../core/naming.ts";
import type { Path } from "../core/path.ts";
import { localInterpreter } from "./interpreters/default.ts";
import { transformInterpreter, transformNamer } from "./transform.ts";

/** A transformer of the configuration: its kind, and its keys as the kind's schema gave them. */
export interface ConfiguredTransformer {
  readonly plugin: TransformerPlugin;
  readonly config: unknown;
}

/** A namer of the configuration. */
export interface ConfiguredNamer {
  readonly plugin: NamerPlugin;
  /** `/#` and its prefix. */
  readonly id: Path;
  readonly config: unknown;
  readonly transformers: readonly ConfiguredTransformer[];
}

/** The interpreter of a router. */
export interface ConfiguredInterpreter {
  readonly plugin: InterpreterPlugin;
  readonly config: unknown;
  readonly transformers: readonly ConfiguredTransformer[];
}

/** All namers of a process. Whoever builds it closes it, after the interpreters. */
export interface Naming {
  /** In the order of the file. */
  readonly namers: readonly MountedNamer[];
  /** The interpreter of a router, made of these namers. The caller closes it. */
  interpreter(configured: ConfiguredInterpreter): Interpreter;
  close(): void;
}

/** `deps.stats` is the root of the metrics: each part gets a scope below it. */
export function buildNaming(configured: readonly ConfiguredNamer[], deps: NamingDeps): Naming {
  const namers: MountedNamer[] = [];
  const plain: MountedNamer[] = [];
  for (const { plugin, id, config, transformers } of configured) {
    // The path of a namer's transformer may be any namer's, its own and later ones too. Bound
    // with namers that are not transformed, it cannot lead back to the transformer.
    const made = built(transformers, { bind: binder(plain, deps) });
    const stats = deps.stats.scope("namer", id.slice(1));
    const namer = plugin.create(config, { ...deps, id, stats });
    plain.push({ id, namer });
    namers.push({ id, namer: transformNamer(namer, made) });
  }
  return {
    namers,
    interpreter({ plugin, config, transformers }) {
      const stats = deps.stats.scope("interpreter", plugin.kind);
      const made = plugin.create(config, { ...deps, namers, stats });
      return transformInterpreter(made, built(transformers, { bind: binder(namers, deps) }));
    },
    close() {
      for (const { namer } of namers) namer.close();
    },
  };
}

/** What transformers bind paths with: the namers as they are when it is called. */
function binder(namers: readonly MountedNamer[], { hosts }: NamingDeps): TransformerDeps["bind"] {
  return (path) => localInterpreter({ namers, hosts }).bind(emptyDtab, path);
}

function built(
  transformers: readonly ConfiguredTransformer[],
  deps: TransformerDeps,
): Transformer[] {
  return transformers.map(({ plugin, config }) => plugin.create(config, deps));
}
