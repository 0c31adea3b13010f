// What an interpreter may have beside binding: it stays when the interpreter is wrapped.
import type { Interpreter } from "../../core/naming.ts";

export function optionalPartsOf(
  interpreter: Interpreter,
): Pick<Interpreter, "stateName" | "watchState" | "explain"> {
  const { stateName, watchState, explain } = interpreter;
  return {
    ...(stateName === undefined ? {} : { stateName }),
    ...(watchState === undefined ? {} : { watchState: () => watchState.call(interpreter) }),
    ...(explain === undefined ? {} : { explain: (path) => explain.call(interpreter, path) }),
  };
}
