// The messages of idl/rates.avsc. Each is encoded as a union of all, so that it identifies itself.
import { readFileSync } from "node:fs";
import avro from "avsc";
import { isFields } from "../http.ts";
import type { RateResponse } from "./client.ts";

export interface AvroRate extends RateResponse {
  /** The remaining destination of the call. */
  readonly destination: string;
  /** From the call's trace; null when it carried none. */
  readonly requestId: string | null;
}

export type Message =
  | { readonly kind: "Question"; readonly source: string; readonly target: string }
  | ({ readonly kind: "Rate" } & AvroRate)
  | { readonly kind: "UnknownCurrency"; readonly text: string };

const file = new URL("../../../idl/rates.avsc", import.meta.url); // from dist/demo/rates, where this runs
const schema: unknown = JSON.parse(readFileSync(file, "utf8"));
const type = avro.Type.forSchema(schema as avro.Schema);

/** Throws when the schema does not allow the message, which is a bug. */
export function encode({ kind, ...fields }: Message): Buffer {
  return type.toBuffer({ [`switchyard.demo.${kind}`]: fields });
}

/** null when the bytes are not a message of the schema. */
export function decode(bytes: Buffer): Message | null {
  try {
    const value: unknown = type.fromBuffer(bytes);
    if (!isFields(value)) return null;
    const [[name = "", fields = null] = []] = Object.entries(value);
    const kind = name.slice("switchyard.demo.".length);
    return { kind, ...(fields as object) } as Message; // safe cast: guaranteed by the schema
  } catch {
    return null;
  }
}
