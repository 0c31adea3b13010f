// The `Forwarded` field (RFC 7239): both ends of the caller's connection, labelled as the server's
// key `addForwardedHeader` says.
import * as v from "valibot";
import type { Random } from "../../../src/core/clock.ts";
import type { PeerInfo } from "../../../src/net/peer-info.ts";
import type { HttpRequest } from "../message.ts";

const labelOf = <const Kind extends string>(kind: Kind) =>
  v.strictObject({ kind: v.literal(kind) });

const labeler = () =>
  v.optional(
    v.variant("kind", [
      labelOf("ip"),
      labelOf("ip:port"),
      labelOf("connectionRandom"),
      labelOf("requestRandom"),
      labelOf("router"),
      v.strictObject({
        kind: v.literal("static"),
        label: v.pipe(
          v.string("expected a label such as gateway"),
          v.regex(/^[A-Za-z0-9._-]+$/, "expected a label of letters, digits, '.', '_' and '-'"),
        ),
      }),
    ]),
    { kind: "requestRandom" },
  );

export const forwardedSchema = v.strictObject({ by: labeler(), for: labeler() });
type ForwardedConfig = v.InferOutput<typeof forwardedSchema>;
type LabelerConfig = ForwardedConfig["by"];

interface ForwardedDeps {
  readonly random: Random;
  /** The router's label. */
  readonly label: string;
}

/** One end of a connection as a value of `by` or `for`. */
type Labeler = (peer: PeerInfo) => string;

interface End {
  address(peer: PeerInfo): [host: string, port: number];
  /** Stays the same for the life of the connection. */
  connectionToken: Labeler;
}

/** Returns a function that makes the field's value for a request. */
export function forwarded(
  config: ForwardedConfig,
  deps: ForwardedDeps,
): (request: HttpRequest) => string {
  const by = labelerOf(config.by, deps, {
    address: (peer) => [peer.localHost, peer.localPort],
    connectionToken: perConnection(deps.random),
  });
  const from = labelerOf(config.for, deps, {
    address: (peer) => [peer.remoteHost, peer.remotePort],
    connectionToken: perConnection(deps.random),
  });
  return (request) => {
    let value = `by=${by(request.peer)};for=${from(request.peer)}`;
    if (request.host !== null && request.host !== "") value += `;host=${quoted(request.host)}`;
    if (request.absoluteScheme !== null) value += `;proto=${request.absoluteScheme}`;
    return value;
  };
}

function labelerOf(config: LabelerConfig, { random, label }: ForwardedDeps, end: End): Labeler {
  switch (config.kind) {
    case "ip":
      return (peer) => ip(end.address(peer)[0]);
    case "ip:port":
      return (peer) => ipAndPort(...end.address(peer));
    case "connectionRandom":
      return end.connectionToken;
    case "requestRandom":
      return () => token(random);
    case "router": {
      const known = quoted(`_${label}`);
      return () => known;
    }
    case "static": {
      const fixed = config.label.startsWith("_") ? config.label : `_${config.label}`;
      return () => fixed;
    }
    default:
      return config satisfies never;
  }
}

/** Called once for each end, since one token for both would make them look like one host. */
function perConnection(random: Random): Labeler {
  const tokens = new WeakMap<PeerInfo, string>();
  return (peer) => {
    const known = tokens.get(peer);
    if (known !== undefined) return known;
    const made = token(random);
    tokens.set(peer, made);
    return made;
  };
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** `_` and six random characters (RFC 7239 section 6.3). */
function token(random: Random): string {
  let text = "_";
  for (let i = 0; i < 6; i++) text += letters.charAt(Math.floor(random() * letters.length));
  return text;
}

const isUnknown = (host: string): boolean => host === "" || host === "0.0.0.0" || host === "::";

function ip(host: string): string {
  if (isUnknown(host)) return "unknown";
  return host.includes(":") ? `"[${host}]"` : host;
}

function ipAndPort(host: string, port: number): string {
  if (isUnknown(host)) return "unknown";
  return host.includes(":") ? `"[${host}]:${port}"` : `"${host}:${port}"`;
}

/** Leaves a token as it is and quotes anything else (RFC 9110 section 5.6). */
function quoted(text: string): string {
  if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text)) return text;
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
