// A module of the dashboard, as its browser runs it.
import { build } from "esbuild";

/** `file` from the checkout, such as `dashboard/data/words.ts`; what it exports. */
export async function bundled<Module>(file: string): Promise<Module> {
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    format: "esm",
    write: false,
    logLevel: "silent",
  });
  const text = outputFiles[0]?.text ?? "";
  return (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as Module;
}
