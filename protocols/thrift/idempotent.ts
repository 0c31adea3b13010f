// Which calls may be sent twice. Nothing in a Thrift message says so: the configuration has to.
import type { Filter } from "../../src/core/service.ts";
import type { ServiceConfig } from "./keys.ts";
import type { ThriftRequest, ThriftResponse } from "./message.ts";

type ThriftFilter = Filter<ThriftRequest, ThriftResponse>;

/** `idempotent` of a service; none when there is nothing to say. */
export function idempotentCalls({ idempotent }: ServiceConfig): readonly ThriftFilter[] {
  if (idempotent === false) return [];
  const methods = idempotent === true ? null : new Set(idempotent);
  const mark: ThriftFilter = (request, reply, next) => {
    // A one-way call is over when it is written: nobody could tell that it is slow, or was lost.
    request.idempotent = !request.isOneway && (methods === null || hasMethod(methods, request));
    return next(request, reply);
  };
  return [mark];
}

/** `Service:method`, as it was sent, or its method alone. */
function hasMethod(methods: ReadonlySet<string>, { method }: ThriftRequest): boolean {
  if (methods.has(method)) return true;
  const colon = method.indexOf(":");
  return colon >= 0 && methods.has(method.slice(colon + 1));
}
