// Whether a name is bound: a question that a protocol asks for the sake of an error text.
import type { Clock } from "../core/clock.ts";
import type { State } from "../core/live.ts";
import type { Bound, Interpreter, IsBound } from "../core/naming.ts";
import type { Dtab } from "../core/names/dtab.ts";
import { evaluate } from "../core/names/nametree.ts";
import type { NameTree } from "../core/names/nametree.ts";

/** How long a hint for people may wait for discovery. */
const hintTimeoutMs = 1_000;

export function isBoundWith(interpreter: Interpreter, dtab: Dtab, clock: Clock): IsBound {
  return (dst, localDtab, done) => {
    const live = interpreter.bind(dtab, dst, localDtab);
    const finish = (state: State<NameTree<Bound>>): void => {
      stop();
      done(state.kind === "ok" && (evaluate(state.value)?.length ?? 0) > 0);
    };
    const unwatch = live.watch((state) => {
      if (state.kind !== "pending") finish(state);
    });
    const cancel = clock.after(hintTimeoutMs, () => finish(live.state));
    const stop = (): void => {
      unwatch();
      cancel();
    };
    if (live.state.kind !== "pending") finish(live.state);
    return stop;
  };
}
