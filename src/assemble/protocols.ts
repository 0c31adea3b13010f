// A protocol with its types closed over, so that protocols of different types fit in one list.
import type { ProtocolKind } from "../config/kinds.ts";
import type { Call, Protocol } from "../core/protocol.ts";
import { openRouter } from "./router.ts";
import type { OpenRouter, RouterParts } from "./router.ts";
import type { RouterConfig } from "../config/config.ts";

export interface ErasedProtocol extends ProtocolKind {
  /** Rejects with a text for people when a server cannot listen. */
  open(config: RouterConfig, parts: RouterParts): Promise<OpenRouter>;
}

export function erased<Req extends Call, Res>(protocol: Protocol<Req, Res>): ErasedProtocol {
  return { ...protocol, open: (config, parts) => openRouter(protocol, config, parts) };
}
