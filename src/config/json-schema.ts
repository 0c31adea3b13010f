// The JSON Schema of configuration files, for editors, generated from the schemas that check them.
import { fileSchema } from "./schemas/file.ts";
import type { Kinds } from "./kinds.ts";

/** Loads its converter on demand, because few processes need it. */
export async function jsonSchema(kinds: Kinds): Promise<Record<string, unknown>> {
  const { toJsonSchema } = await import("@valibot/to-json-schema");
  const converted = toJsonSchema(fileSchema(kinds, "both"), {
    typeMode: "input", // as people write it: paths and dtabs are text
    errorMode: "ignore", // `switchyard check` covers the rules that JSON Schema cannot express
  });
  return {
    ...converted,
    patternProperties: { "^x-": {} }, // ignored, for anchors
    title: "switchyard",
    description: "Configuration of switchyard, in YAML or JSON.",
  };
}
