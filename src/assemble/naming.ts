// The naming side of the configuration, running: namers with their transformers, interpreters.
import type { Config, RouterConfig, TransformerConfig } from "../config/config.ts";
import type { Clock, Random } from "../core/clock.ts";
import { emptyDtab } from "../core/names/dtab.ts";
import type { Dtab } from "../core/names/dtab.ts";
import type { State } from "../core/live.ts";
import type { Log } from "../core/log.ts";
import type {
  Delegation,
  HostResolver,
  Explain,
  Interpreter,
  MountedNamer,
  NamingDeps,
  Transformer,
} from "../core/naming.ts";
import type { Path } from "../core/names/path.ts";
import type { Stats } from "../core/stats.ts";
import { messageDialler } from "./mux-messages.ts";
import { localInterpreter } from "../naming/interpreters/default.ts";
import { hostResolver } from "../naming/hosts/resolver.ts";
import { traceText } from "../naming/binding/trace.ts";
import { transformInterpreter, transformNamer } from "../naming/binding/transform.ts";
import { interpreters, namers, transformers } from "../plugins.ts";
import { pluginOf } from "../core/plugin.ts";

export interface NamingParts {
  readonly clock: Clock;
  readonly random: Random;
  /** The process log of a part, by name. */
  log(name: string): Log;
  /** The root of the metrics tree. */
  readonly stats: Stats;
}

export interface Naming {
  /** In the order of the file; the built-in `/$/` is not among them. */
  readonly namers: readonly MountedNamer[];
  readonly hosts: HostResolver;
  /** Only the `/$/` names, for those who ask without a router. */
  readonly builtIn: Interpreter;
  interpreterOf(router: Pick<RouterConfig, "label" | "interpreter">): Interpreter;
  close(): void;
}

export function openNaming(config: Pick<Config, "namers">, parts: NamingParts): Naming {
  const hosts = hostResolver(parts.clock, parts.log("dns"));
  const mounted: MountedNamer[] = [];
  const depsOf = (name: string): NamingDeps => ({
    hosts,
    clock: parts.clock,
    random: parts.random,
    log: parts.log(name),
    stats: parts.stats.scope("namer", name.replace(/^\//, "")),
  });
  const plain: MountedNamer[] = [];
  // `const` and `replace` may name any namer of the file, hence looked up when they are asked.
  const transformersOf = (
    configs: readonly TransformerConfig[],
    known: readonly MountedNamer[],
  ): Transformer[] => {
    const bind = (path: Path) => localInterpreter({ hosts, namers: known }).bind(emptyDtab, path);
    const deps = { hosts, bind };
    return configs.map(({ config: each }) => pluginOf(transformers, each).create(each, deps));
  };
  for (const { id, config: each, transformers: list } of config.namers) {
    const namer = pluginOf(namers, each).create(each, { ...depsOf(id), id });
    plain.push({ id, namer });
    // Bound with namers that are not transformed, its path cannot lead back to the transformer.
    mounted.push({ id, namer: transformNamer(namer, transformersOf(list, plain)) });
  }
  return {
    namers: mounted,
    hosts,
    builtIn: localInterpreter({ hosts, namers: [] }),
    interpreterOf({ label, interpreter: { config: each, transformers: list } }) {
      const deps = {
        ...depsOf(`${label}/${each.kind}`),
        namers: mounted,
        dialMessages: messageDialler(parts),
      };
      const made = pluginOf(interpreters, each).create(each, deps);
      return transformInterpreter(made, transformersOf(list, mounted));
    },
    close: () => mounted.forEach(({ namer }) => namer.close()),
  };
}

/** More than the text shows: some nodes make no line of their own. */
const maxExplainedNodes = 200;

/** For failures and diagnostics: says what is known at this moment, waits for nothing. */
export function explainWith(interpreter: Interpreter, dtab: Dtab): Explain {
  return (dst, localDtab) => {
    const elsewhere = interpreter.explain?.(dst);
    if (elsewhere !== undefined) return elsewhere;
    const live = interpreter.delegate(dtab, dst, { local: localDtab, maxNodes: maxExplainedNodes });
    const close = live.watch(() => {}); // while it is watched, its addresses are current
    const text = showState(live.state, dst);
    close();
    return text;
  };
}

function showState(state: State<Delegation>, dst: Path): string {
  switch (state.kind) {
    case "ok":
      return traceText(state.value);
    case "failed":
      return `${dst}: ${state.why.detail}`;
    case "pending":
      return `${dst}: not resolved yet`;
    default:
      return state satisfies never;
  }
}
