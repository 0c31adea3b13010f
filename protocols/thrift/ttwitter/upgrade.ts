// Asks an endpoint, on a new connection, for the TTwitter upgrade.
import { Buffer } from "node:buffer";
import { failure } from "../../../src/core/failure.ts";
import { dial } from "../../../src/net/dial.ts";
import { ResponseReader } from "../codec/response-reader.ts";
import { messageType, writeEnvelope } from "../codec/envelope.ts";
import { frameOf } from "../codec/frame.ts";
import { upgradeMethod } from "./headers.ts";
import type { Close } from "../../../src/core/clock.ts";
import type { Failure } from "../../../src/core/failure.ts";
import type { Address } from "../../../src/core/address.ts";
import type { SocketLink } from "../../../src/net/socket-link.ts";
import type { ClientSettings } from "../client/settings.ts";
import { prefixBytes } from "../../../src/net/framer.ts";

/**
 * Dials and asks. `opened` gets the link and whether the endpoint agreed. The endpoint must respond
 * within `connectTimeoutMs`. Calling the result cancels both.
 */
export function attemptUpgrade(
  address: Address,
  settings: ClientSettings,
  opened: (link: SocketLink, isUpgraded: boolean) => void,
  failed: (why: Failure) => void,
): Close {
  const { clock, options, stats } = settings;
  let cancel = dial(address, options, clock, {
    opened(link) {
      cancel = ask(link, settings, opened, failed);
    },
    failed,
    closed: stats.closed,
  });
  return () => cancel();
}

function ask(
  link: SocketLink,
  { clock, options, name, stats }: ClientSettings,
  opened: (link: SocketLink, isUpgraded: boolean) => void,
  failed: (why: Failure) => void,
): Close {
  const reader = new ResponseReader(options, false);
  const stop = (settled: () => void) => {
    stopTimer();
    link.receiver = { received() {}, ended() {}, drained() {}, closed() {} };
    settled();
  };
  const fail = (what: string) =>
    stop(() => {
      link.socket.destroy();
      const hint = "write attemptTTwitterUpgrade: false if it is not a Finagle server";
      failed(
        failure("connect", `${name} ${what} when asked for the TTwitter upgrade: ${hint}`, "safe"),
      );
    });
  const stopTimer = clock.after(options.connectTimeoutMs, () =>
    fail(`did not respond within ${options.connectTimeoutMs} ms`),
  );
  link.receiver = {
    received(buffer, length) {
      stats.receivedBytes.value += length;
      const stopped = reader.push(buffer, 0, length);
      const { response, problem } = reader;
      if (problem !== null || (response !== null && stopped < length)) {
        return fail(`sent a malformed response (${problem ?? "more than one"})`);
      }
      if (response?.outcome === "oneway") return fail("sent an empty response");
      const isUpgraded = response?.outcome !== "application_exception";
      return response === null ? undefined : stop(() => opened(link, isUpgraded));
    },
    ended: () => fail("closed the connection"),
    drained() {},
    closed: () => fail("closed the connection"),
  };
  const question = questionFor(options.protocol);
  const bytes = options.transport === "buffered" ? question.subarray(prefixBytes) : question;
  stats.sentBytes.value += bytes.length;
  link.socket.write(bytes);
  return () => stop(() => link.socket.destroy());
}

/** A call with sequence id 0 and an empty struct (ConnectionOptions). */
function questionFor(protocol: "binary" | "compact"): Buffer {
  const dialect = protocol === "binary" ? "strict" : "compact";
  const name = Buffer.from(upgradeMethod);
  return frameOf([writeEnvelope(dialect, messageType.call, name, 0), Buffer.of(0)]);
}
