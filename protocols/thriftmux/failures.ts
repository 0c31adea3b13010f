// The same as for plain Thrift; what is said in mux instead of an exception, server/call.ts decides.
export { failureRenderer } from "../thrift/failures.ts";
