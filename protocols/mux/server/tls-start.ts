// The change of a caller's connection from plain text to TLS, once both sides have agreed on it.
import { identify } from "../../../src/net/peer-info.ts";
import type { SocketLink } from "../../../src/net/socket-link.ts";
import type { TlsLevel } from "../codec/tls-level.ts";
import type { MessageWriter } from "../message-writer.ts";
import type { ServerConnection } from "./connection.ts";

type TlsOwner = Pick<ServerConnection, "settings" | "peer" | "malformed" | "destroy">;

/** What comes in plain text when it must not may be somebody else's: the connection has to end. */
export class TlsStart {
  readonly #connection: TlsOwner;
  readonly #link: SocketLink;
  readonly #writer: MessageWriter;
  /** "starting": the next byte belongs to the handshake of TLS. */
  #state: "none" | "starting" | "on" = "none";

  constructor(connection: TlsOwner, link: SocketLink, writer: MessageWriter) {
    this.#connection = connection;
    this.#link = link;
    this.#writer = writer;
  }

  /** What this side says of TLS in the handshake. */
  get level(): TlsLevel {
    return this.#connection.settings.tlsLevel;
  }

  /** Nothing plain may be written any more. */
  get isStarting(): boolean {
    return this.#state === "starting";
  }

  /** Whether a message may come now, in the way it came; otherwise the connection has been ended. */
  permits(isCall: boolean): boolean {
    const problem = this.#problem(isCall);
    if (problem === null) return true;
    this.#connection.malformed(problem);
    this.#connection.destroy();
    return false;
  }

  #problem(isCall: boolean): string | null {
    if (this.#state === "starting") return "plain text behind a Tinit that asked for TLS";
    if (!isCall || this.level !== "required" || this.#state === "on") return null;
    return "a call in plain text, where opportunisticTls requires TLS";
  }

  /** The Rinit has been written. */
  start(): void {
    this.#state = "starting";
    this.#writer.flush();
    this.#link.startTls?.(() => {
      this.#state = "on";
      this.#writer.moved();
      identify(this.#connection.peer, this.#link.socket);
    });
  }
}
