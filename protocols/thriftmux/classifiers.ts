// The same as for plain Thrift: what counts is the response, not the message around it.
export { classifiers, defaultClassifier, serverClassifier } from "../thrift/classifiers.ts";
