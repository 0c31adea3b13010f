// The same as for plain Thrift: responses and callers are counted in its terms.
export { responseCounter, thriftServerCounters } from "../thrift/stats.ts";
