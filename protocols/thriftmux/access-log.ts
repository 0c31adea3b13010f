// The same as for plain Thrift: calls end as their callers saw them, whatever they came in.
export { openThriftLog } from "../thrift/access-log.ts";
