// Endpoints whose address says which `Host` they expect.
import type { Fields } from "../codec/passthrough-fields.ts";
import type { HttpFilter } from "../message.ts";

/**
 * Sends the Host that the endpoint expects (`authority` of its address) and translates it back to the
 * caller's Host in `Location` and `Refresh` of the response. The request has the caller's Host again
 * before any outer filter sees the response, since the next attempt may go to an endpoint that
 * expects another.
 */
export function wireAuthority(authority: string): HttpFilter {
  const literally = authority.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const inUri = new RegExp(`//${literally}(?=[/?#"';,\\s]|$)`, "gi");
  return (request, reply, next) => {
    const callersHost = request.host;
    request.host = authority;
    return next(request, {
      start(response) {
        request.host = callersHost;
        if (callersHost !== null) renameHost(response.fields.list, inUri, callersHost);
        reply.start(response);
      },
      end(why) {
        request.host = callersHost;
        reply.end(why);
      },
    });
  };
}

function renameHost(fields: Fields, inUri: RegExp, host: string): void {
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] ?? "").toLowerCase();
    if (name !== "location" && name !== "refresh") continue;
    fields[i + 1] = (fields[i + 1] ?? "").replace(inUri, () => `//${host}`);
  }
}
