/**
 * Bundles the program into `dist/`, from where it starts in a third of the time.
 *
 *   deno task bundle [FOLDER]
 *
 * `gppy.js` loads the chunks of the command that it is asked for. Chunks are named by their content
 * and stay for a while after they were replaced, so that a program that runs can go on loading.
 * `gppy.js` is put in place last and is dated back to when the sources were read: by that
 * `scripts/launch` knows whether one has changed since. Where the sources cannot be bundled it runs
 * them as they are.
 *
 * @module
 */

import { build, type Plugin, stop } from "esbuild";
import { isBuiltin } from "node:module";
import { join, relative, resolve } from "node:path";
import { note } from "../cli/terminal.ts";

const ROOT = resolve(import.meta.dirname ?? ".", "..");
const ENTRY = "gppy.js";
/** Chunks that were replaced stay for so long. */
const KEPT_MS = 7 * 24 * 3600e3;

/** Modules of Node that take 5 to 15 ms to load and that hardly a run uses at once. */
const RARELY_USED = /^node:(child_process|crypto|fs|fs\/promises|module|os|process|util|zlib)$/;

/** Packages that hold what Deno has of these in 10 ms each: it loads half of Node with them. */
const STAND_INS: Readonly<Record<string, string>> = {
  "node:events": "events/",
  "node:path": "path-browserify",
};

/**
 * Puts packages in the place of Node's modules above, and loads others of them when something is asked of
 * them, whether they are imported or, as a module of a bundle cannot do by itself, required.
 */
const lazyBuiltins: Plugin = {
  name: "lazy built-in modules",
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /^\w/ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      const standIn = STAND_INS[path];
      if (kind === "import-statement" && standIn !== undefined) {
        return resolve(standIn, { kind, resolveDir: ROOT });
      }
      if (kind === "require-call") return { path, namespace: "required" };
      return RARELY_USED.test(path) ? { path, namespace: "imported" } : { path, external: true };
    });
    onLoad({ filter: /./, namespace: "required" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule("${path}");`,
    }));
    onLoad({ filter: /./, namespace: "imported" }, async ({ path }) => ({
      contents: lazyModule(path, await import(path)),
    }));
  },
};

/** Of a CommonJS package that is imported on demand a bundle of several files gives no names. */
const noPackagesOnDemand: Plugin = {
  name: "no packages on demand",
  setup({ onResolve }) {
    onResolve({ filter: /^[@\w]/ }, ({ path, kind }) => {
      if (kind !== "dynamic-import" || isBuiltin(path)) return undefined;
      return { errors: [{ text: `import a module of ours on demand, and "${path}" there` }] };
    });
  },
};

function lazyModule(path: string, exported: Readonly<Record<string, unknown>>): string {
  const functions = Object.keys(exported).filter((name) =>
    name !== "default" && typeof exported[name] === "function" && /^[a-z]/.test(name)
  );
  return [
    `const load = () => process.getBuiltinModule("${path}");`,
    "export default new Proxy({}, { get: (_, name) => load()[name] });",
    `export const constants = ${JSON.stringify(exported["constants"] ?? {})};`,
    ...functions.map((name) => `export const ${name} = (...given) => load().${name}(...given);`),
  ].join("\n");
}

/**
 * Bundles the program.
 *
 * @param folder Where to: it is made if needed.
 * @throws {Error} If the sources cannot be bundled: `gppy.js` runs them as they are then.
 */
export async function bundleProgram(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const part = await Deno.makeTempDir({ dir: folder, prefix: ".part-" });
  try {
    const readAt = (await Deno.stat(part)).mtime ?? new Date(0);
    const failure = await bundleInto(part).catch((error: Error) => error);
    if (failure) await Deno.writeTextFile(join(part, ENTRY), sourcesEntry(folder));
    await removeReplaced(folder, part);
    await moveFiles(part, folder, readAt);
    if (failure) throw failure;
  } finally {
    await Deno.remove(part, { recursive: true });
  }
}

async function bundleInto(outdir: string): Promise<void> {
  try {
    await build({
      absWorkingDir: ROOT,
      entryPoints: { gppy: "cli/main.ts" },
      outdir,
      bundle: true,
      splitting: true,
      format: "esm",
      target: "esnext",
      platform: "neutral",
      conditions: ["deno"],
      mainFields: ["module", "main"],
      define: { "process.cwd": "Deno.cwd" },
      plugins: [lazyBuiltins, noPackagesOnDemand],
      logLevel: "silent",
    });
  } finally {
    await stop();
  }
}

function sourcesEntry(folder: string): string {
  const main = relative(folder, join(ROOT, "cli/main.ts"));
  return `import { main } from "./${main}";\nDeno.exit(await main(Deno.args));\n`;
}

/** Removes the chunks that were replaced long ago, and dates those that now are. */
async function removeReplaced(folder: string, part: string): Promise<void> {
  const kept = new Set([...Deno.readDirSync(part)].map(({ name }) => name));
  const inUse = await changedAt(join(folder, ENTRY));
  for (const { name } of Deno.readDirSync(folder)) {
    if (!/^\.part-|\.js$/.test(name) || kept.has(name)) continue;
    const path = join(folder, name);
    const changed = await changedAt(path);
    if (changed === inUse) await Deno.utime(path, new Date(), new Date());
    else if (Date.now() - changed > KEPT_MS) await Deno.remove(path, { recursive: true });
  }
}

async function changedAt(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).mtime?.getTime() ?? 0;
  } catch {
    return 0;
  }
}

/** Moves the files of a bundle to their place, the entry last. */
async function moveFiles(from: string, to: string, date: Date): Promise<void> {
  const names = [...Deno.readDirSync(from)].map(({ name }) => name);
  for (const name of [...names.filter((name) => name !== ENTRY), ENTRY]) {
    await Deno.utime(join(from, name), date, date);
    await Deno.rename(join(from, name), join(to, name));
  }
}

if (import.meta.main) {
  try {
    await bundleProgram(resolve(Deno.args[0] ?? join(ROOT, "dist")));
  } catch (error) {
    note(`gppy: the sources could not be bundled; they are run as they are, which starts slower`);
    note(error instanceof Error ? error.message : String(error));
    Deno.exit(1);
  }
}
