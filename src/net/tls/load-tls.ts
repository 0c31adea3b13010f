// node:tls, loaded when the first connection needs it: a process without TLS carries none of it.
import type * as Tls from "node:tls";

export function nodeTls(): typeof Tls {
  return process.getBuiltinModule("node:tls");
}
