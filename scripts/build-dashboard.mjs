// Bundles dashboard/ into dist/dashboard: files with hashes in their names, each also compressed, and
// manifest.json with their names. Part of `npm run build`; takes a few tenths of a second.
import { build } from "esbuild";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import path from "node:path";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const target = path.join(root, "dist", "dashboard");

const { outputFiles } = await build({
  entryPoints: [path.join(root, "dashboard", "main.tsx")],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  define: { "process.env.NODE_ENV": '"production"' },
  outdir: target,
  write: false,
  logLevel: "warning",
});

mkdirSync(target, { recursive: true });
const before = filesOfLastBuild();
const manifest = { script: "", style: "", files: [] };
for (const { path: file, contents } of outputFiles) {
  const ending = path.extname(file);
  const hash = createHash("sha256").update(contents).digest("hex").slice(0, 12);
  const name = `dashboard-${hash}${ending}`;
  writeFileSync(path.join(target, name), contents);
  writeFileSync(path.join(target, `${name}.gz`), gzipSync(contents, { level: 9 }));
  manifest[ending === ".css" ? "style" : "script"] = name;
  manifest.files.push(name);
}
// In one step: several may build at the same time, and others read it.
const draft = path.join(target, `manifest.${process.pid}`);
writeFileSync(draft, JSON.stringify(manifest));
renameSync(draft, path.join(target, "manifest.json"));
// A process that runs from this folder still serves the files of the build before.
const kept = new Set([...before, ...manifest.files].flatMap((name) => [name, `${name}.gz`]));
for (const name of readdirSync(target)) {
  if (!name.startsWith("manifest.") && !kept.has(name)) rmSync(path.join(target, name));
}

function filesOfLastBuild() {
  try {
    return JSON.parse(readFileSync(path.join(target, "manifest.json"), "utf8")).files;
  } catch {
    return [];
  }
}
