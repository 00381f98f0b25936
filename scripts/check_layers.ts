/**
 * Fails when an import goes against the layers of the project.
 *
 * `cli → watch → stages → {external, sky, gpu, fits} → config`; `sky` may use `fits`
 * and `gpu`; `external` may use `fits`; `sim` may use `sky`, `fits` and `config`.
 *
 * @module
 */

import { dirname, join, normalize, relative } from "node:path";
import { print } from "../cli/terminal.ts";

const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  config: [],
  fits: ["config"],
  gpu: ["config"],
  external: ["config", "fits"],
  sky: ["config", "fits", "gpu"],
  sim: ["config", "fits", "sky"],
  stages: ["config", "fits", "gpu", "external", "sky"],
  watch: ["config", "fits", "gpu", "external", "sky", "stages"],
  cli: ["config", "fits", "gpu", "external", "sky", "sim", "stages", "watch"],
};

const IMPORT = /(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

/** Tests, benchmarks, and what only they use. */
const TESTING = /(_test|_bench)\.ts$|(^|\/)_test[^/]*\.ts$/;

/**
 * Finds the imports of one file that go against the layers.
 *
 * @param file Path from the root of the project.
 * @param text What the file holds.
 * @returns One line a wrong import.
 */
export function findWrongImports(file: string, text: string): string[] {
  const layer = file.split("/")[0] ?? "";
  const allowed = ALLOWED[layer];
  if (!allowed || TESTING.test(file)) return [];
  const wrong: string[] = [];
  for (const [, target = ""] of text.matchAll(IMPORT)) {
    const path = normalize(join(dirname(file), target));
    const goal = path.split("/")[0] ?? "";
    const inside = goal === layer || allowed.includes(goal) || path === "deno.json";
    const hidden = /(^|\/)_[^/]+\.ts$/.test(path) && dirname(path) !== dirname(file);
    if (!inside) wrong.push(`${file}: ${layer} must not import from ${goal} ("${target}")`);
    if (hidden) wrong.push(`${file}: "${target}" is private to its folder`);
  }
  return wrong;
}

async function* sourceFiles(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* sourceFiles(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

if (import.meta.main) {
  const root = join(import.meta.dirname ?? ".", "..");
  const wrong: string[] = [];
  let files = 0;
  for (const layer of Object.keys(ALLOWED)) {
    for await (const path of sourceFiles(join(root, layer))) {
      files++;
      wrong.push(...findWrongImports(relative(root, path), await Deno.readTextFile(path)));
    }
  }
  print(wrong.length === 0 ? `layers: ${files} files in order` : wrong.join("\n"));
  if (wrong.length > 0) Deno.exit(1);
}
