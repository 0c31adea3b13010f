// HTTP as the configuration knows it: its kinds and keys, without the code that runs.
import type { ProtocolSchema } from "../../src/core/protocol.ts";
import { classifiers, defaultClassifier } from "./classifiers.ts";
import { defaultIdentifier, identifiers } from "./identifiers.ts";
import { clientKeys, routerKeys, serverKeys, serviceKeys } from "./keys.ts";
import type { HttpRequest, HttpResponse } from "./message.ts";

export const kind: ProtocolSchema<HttpRequest, HttpResponse> = {
  name: "http",
  defaultPort: 4140,
  identifiers,
  defaultIdentifier,
  classifiers,
  defaultClassifier,
  routerKeys,
  serverKeys,
  clientKeys,
  serviceKeys,
};
