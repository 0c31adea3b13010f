// The fields that `--where` may ask for: those of the schema of access records.
import { accessSchema } from "../../../access-log/avro/schema.ts";

export type FieldType = "time" | "number" | "text" | "truth";

export const fieldTypes: ReadonlyMap<string, FieldType> = new Map(
  accessSchema.fields.map(({ name, type }) => [name, typeOf(name, JSON.stringify(type))]),
);

function typeOf(name: string, type: string): FieldType {
  if (name === "time") return "time";
  if (/"(?:int|long|double)"/.test(type)) return "number";
  return type.includes('"boolean"') ? "truth" : "text";
}
