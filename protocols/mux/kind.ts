// Mux as the configuration sees it: its kinds and keys, without the code that runs.
import type { ProtocolSchema } from "../../src/core/protocol.ts";
import { classifiers, defaultClassifier } from "./classifiers.ts";
import { defaultIdentifier, identifiers } from "./identifiers.ts";
import { clientKeys, routerKeys, serverKeys, serviceKeys } from "./keys.ts";
import type { MuxRequest, MuxResponse } from "./message.ts";

export const kind: ProtocolSchema<MuxRequest, MuxResponse> = {
  name: "mux",
  defaultPort: 4141,
  identifiers,
  defaultIdentifier,
  classifiers,
  defaultClassifier,
  routerKeys,
  serverKeys,
  clientKeys,
  serviceKeys,
};
