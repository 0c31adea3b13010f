// What an interpreter may have beside binding: it stays when the interpreter is wrapped.
import type { Interpreter } from "../../core/naming.ts";

export function optionalPartsOf(
  interpreter: Interpreter,
): Pick<Interpreter, "stateName" | "watchState" | "troubles" | "explain"> {
  const { stateName, watchState, troubles, explain } = interpreter;
  return {
    ...(stateName === undefined ? {} : { stateName }),
    ...(watchState === undefined ? {} : { watchState: () => watchState.call(interpreter) }),
    ...(troubles === undefined ? {} : { troubles: () => troubles.call(interpreter) }),
    ...(explain === undefined ? {} : { explain: (path) => explain.call(interpreter, path) }),
  };
}
