// One HTTP request as a caller without any cleverness sends it.
import { connect } from "node:net";

export interface ReceivedResponse {
  readonly status: number;
  /** In lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** One request on a connection of its own. */
export function ask(
  port: number,
  target: string,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
  body = "",
): Promise<ReceivedResponse> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const chunks: Buffer[] = [];
    const lines = Object.entries({ Connection: "close", ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    const length = body === "" ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
    socket.write(`${method} ${target} HTTP/1.1\r\n${lines.join("")}${length}\r\n${body}`);
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => {
      const [head = "", ...rest] = Buffer.concat(chunks).toString("latin1").split("\r\n\r\n");
      const [first = "", ...fields] = head.split("\r\n");
      resolve({
        status: Number(first.split(" ")[1] ?? 0),
        headers: new Map(
          fields.map((field) => {
            const colon = field.indexOf(":");
            return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
          }),
        ),
        body: rest.join("\r\n\r\n"),
      });
    });
  });
}
