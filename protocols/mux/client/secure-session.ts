// TLS of a session that agreed on it in its handshake.
import type { Address } from "../../../src/core/address.ts";
import { failure } from "../../../src/core/failure.ts";
import type { SocketLink } from "../../../src/net/socket-link.ts";
import { startTls } from "../../../src/net/tls/start-tls.ts";
import type { Secured } from "../../../src/net/tls/start-tls.ts";
import type { MessageWriter } from "../message-writer.ts";
import type { ClientSettings } from "./settings.ts";

/** What is wrong with plain text that comes once both sides have agreed. */
export const beforeTls = "plain text where TLS was agreed on";

export function secureSession(
  link: SocketLink,
  address: Address,
  { options, name }: ClientSettings,
  writer: MessageWriter,
  result: Secured,
): void {
  const { tls } = options;
  if (tls === undefined) {
    const why = `${name} agreed on TLS (opportunisticTls: required), and there is no tls to do it with`;
    return result.failed(failure("connect", why, "safe"));
  }
  writer.flush();
  return startTls(link, address, options, tls, {
    secured() {
      writer.moved();
      result.secured();
    },
    failed: (why) => result.failed(why),
  });
}
