// A protocol with its types closed over, so that protocols of different types fit in one list.
import type { ProtocolKind } from "../config/kinds.ts";
import type { Request } from "../core/request.ts";
import type { Protocol, ProtocolSchema } from "../core/protocol.ts";
import { openRouter } from "./router.ts";
import type { OpenRouter, RouterParts } from "./router.ts";
import type { RouterConfig } from "../config/config.ts";

export interface ErasedProtocol extends ProtocolKind {
  /** Rejects with a text for people when a server cannot listen. */
  open(config: RouterConfig, parts: RouterParts): Promise<OpenRouter>;
}

/** Loads what runs only for a file that names it: each protocol is half a megabyte and more. */
export function lazily<Req extends Request, Res>(
  schema: ProtocolSchema<Req, Res>,
  load: () => Promise<Protocol<Req, Res>>,
): ErasedProtocol {
  return {
    ...schema,
    open: async (config, parts) => openRouter(await load(), config, parts),
  };
}
