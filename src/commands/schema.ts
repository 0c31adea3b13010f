// `switchyard schema`
import { usageError, parseArguments } from "./command.ts";
import type { Command } from "./command.ts";

export const schemaCommand: Command = {
  name: "schema",
  summary: "Print the JSON Schema of configuration files, for editors",
  help: `Usage: switchyard schema > switchyard.schema.json

Prints the JSON Schema of configuration files. An editor that supports YAML schemas then completes and
checks a file that begins with
  # yaml-language-server: $schema=switchyard.schema.json`,
  async run(args, terminal) {
    const parsed = parseArguments(args, {});
    if (typeof parsed === "string") return usageError(this, parsed, terminal);
    if (parsed.positionals.length > 0) return usageError(this, "takes no arguments", terminal);
    // Loaded here, because no other command uses it.
    const [{ jsonSchema }, { kinds }] = await Promise.all([
      import("../config/json-schema.ts"),
      import("../plugins.ts"),
    ]);
    terminal.out(JSON.stringify(await jsonSchema(kinds), null, 2));
    return 0;
  },
};
