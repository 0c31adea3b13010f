// `switchyard schema`
import { misused, readArguments } from "./command.ts";
import type { Command } from "./command.ts";

export const schemaCommand: Command = {
  name: "schema",
  summary: "Print the JSON Schema of configuration files, for editors",
  help: `Usage: switchyard schema > switchyard.schema.json

Prints the JSON Schema of configuration files. An editor that knows YAML schemas then completes and
checks a file that begins with
  # yaml-language-server: $schema=switchyard.schema.json`,
  async run(args, terminal) {
    const parsed = readArguments(args, {});
    if (typeof parsed === "string") return misused(this, parsed, terminal);
    if (parsed.positionals.length > 0) return misused(this, "takes no arguments", terminal);
    // Loaded here only: no other command has a use for it.
    const [{ jsonSchema }, { kinds }] = await Promise.all([
      import("../config/json-schema.ts"),
      import("../plugins.ts"),
    ]);
    terminal.out(JSON.stringify(await jsonSchema(kinds), null, 2));
    return 0;
  },
};
