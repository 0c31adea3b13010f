// The same as for plain Thrift: a call is named by its method, its service, or a fixed path.
export { defaultIdentifier, identifiers } from "../thrift/identifiers.ts";
