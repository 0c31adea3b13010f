// The interpreter of routers that configure none: the dtab, the namers, and `/$/`.
//
//     interpreter:
//       kind: default
import * as v from "valibot";
import type { Interpreter, InterpreterDeps, InterpreterPlugin } from "../../core/naming.ts";
import { plugin } from "../../core/plugin.ts";
import { dtabInterpreter } from "../binding/binder.ts";
import { inOrder } from "../binding/lookup.ts";
import { utilityNamer } from "../built-in/built-in.ts";

const schema = v.strictObject({ kind: v.literal("default") });

export const defaultInterpreter: InterpreterPlugin = plugin({
  kind: "default",
  schema,
  create: (_config, deps: InterpreterDeps): Interpreter => localInterpreter(deps),
});

/** Binds with the configured namers and `/$/`. */
export function localInterpreter(deps: Pick<InterpreterDeps, "namers" | "hosts">): Interpreter {
  return dtabInterpreter(inOrder(deps.namers, utilityNamer(deps.hosts)));
}
