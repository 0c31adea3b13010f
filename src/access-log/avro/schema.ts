// The Avro schema of access records: what docs/access-log.avsc says, and what each file begins with.

const orNull = (type: string) => ["null", type] as const;
const text = (name: string, doc: string) =>
  ({ name, type: orNull("string"), default: null, doc }) as const;

/** A new field has the default null, so that readers with a newer schema read older files. */
export const accessSchema = {
  type: "record",
  name: "AccessRecord",
  namespace: "switchyard",
  doc: "One call as its caller saw it end. Fields that a protocol does not have are null.",
  fields: [
    {
      name: "time",
      type: { type: "long", logicalType: "timestamp-millis" },
      doc: "When the response ended.",
    },
    { name: "protocol", type: "string", doc: "http, thrift, mux or thriftmux." },
    { name: "router", type: "string", doc: "The router's label." },
    { name: "remote", type: "string", doc: "The caller's address, host:port." },
    text("identity", "The name in the caller's certificate."),
    text("host", "HTTP: the Host field as the caller wrote it."),
    text(
      "method",
      "HTTP: the method; Thrift: the method, with its service if multiplexed; mux: the message.",
    ),
    text("target", "HTTP: the request target; mux: the destination."),
    text("version", "HTTP: 1.1 or 1.0."),
    {
      name: "status",
      type: orNull("int"),
      default: null,
      doc: "HTTP: as sent to the caller; 499 when it left before a response began.",
    },
    text(
      "result",
      "Thrift and mux: how the call ended, such as reply, application_exception, ok, nack.",
    ),
    { name: "outcome", type: "string", doc: "success, failure or cancelled, by the classifier." },
    { name: "durationMs", type: "double", doc: "From the request to the end of the response." },
    { name: "receivedBytes", type: "long", doc: "Of the request, as the protocol's page says." },
    { name: "sentBytes", type: "long", doc: "Of the response." },
    text("path", "The logical name, such as /svc/users."),
    text("client", "The id of the bound name."),
    text("endpoint", "The address of the last attempt, host:port."),
    text("traceId", "16 or 32 hexadecimal digits."),
    text("requestId", "HTTP: l5d-reqid."),
    {
      name: "oneway",
      type: orNull("boolean"),
      default: null,
      doc: "Thrift: no response is expected.",
    },
    { name: "seqid", type: orNull("int"), default: null, doc: "Thrift: the sequence id." },
    text("failure", "The kind of the failure, such as connect; null: the response is complete."),
    text("detail", "The failure in words."),
    text("fault", "The faults that were injected."),
    text("l5dErr", "HTTP: the error that a proxy further on reported."),
    text("referer", "HTTP: the Referer field."),
    text("userAgent", "HTTP: the User-Agent field."),
  ],
} as const;
