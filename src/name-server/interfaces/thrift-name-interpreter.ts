// Names for sidecars over ThriftMux (`io.l5d.namerd`), as Linkerd's name server gives them.
//
//     interfaces:
//     - kind: io.l5d.thriftNameInterpreter
//       ip: 127.0.0.1
//       port: 4100
import * as v from "valibot";
import { plugin } from "../../core/plugin.ts";
import { integer, port } from "../../core/schema.ts";
import { loadCodec } from "../../naming/namerd/thrift/codec.ts";
import type {
  InterfaceDeps,
  InterfacePlugin,
  ListenConfig,
  RunningInterface,
} from "../interface.ts";
import { answer } from "../thrift/namer.ts";
import { Polls } from "../thrift/polls.ts";

const kind = "io.l5d.thriftNameInterpreter";

/** Accepted for files of Linkerd 1: what is watched is shared, and kept for a minute after its last poll. */
const cache = () =>
  v.strictObject({
    bindingCacheActive: v.optional(integer(1)),
    bindingCacheInactive: v.optional(integer(1)),
    bindingCacheInactiveTTLSecs: v.optional(integer(1)),
    addrCacheActive: v.optional(integer(1)),
    addrCacheInactive: v.optional(integer(1)),
    addrCacheInactiveTTLSecs: v.optional(integer(1)),
  });

const schema = v.strictObject({
  kind: v.literal(kind),
  port: v.optional(port(), 4100),
  cache: v.optional(cache()),
});

export const thriftNameInterpreter: InterfacePlugin = plugin({
  kind,
  schema,
  async create(config, deps: InterfaceDeps): Promise<RunningInterface> {
    const { namespaces, clock } = deps;
    const codec = await loadCodec();
    const polls = new Polls(clock);
    // Safe cast: the file's schema adds `ip` to every interface.
    const { ip } = config as typeof config & ListenConfig;
    const listener = await deps.listenForMessages(ip, config.port, (payload, respond) =>
      answer(payload, respond, codec, { namespaces, polls, clock }),
    );
    const { host, port: actual } = listener;
    return {
      kind,
      host,
      port: actual,
      async close() {
        // Polls would last for ever.
        await listener.close(0);
        polls.close();
      },
    };
  },
});
