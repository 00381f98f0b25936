/**
 * Builds the kernels' WebAssembly from their AssemblyScript.
 *
 * Each `gpu/kernels/<name>/<name>.as.ts` becomes `<name>.wasm.b64` beside it: base64 text, which
 * bundles and compiles into the program as the shaders do. With `--check` nothing is written and
 * the task fails where a committed file does not come out of its source bit by bit.
 *
 *   deno task wasm [--check]
 *
 * @module
 */

import asc from "assemblyscript/asc";
import { join } from "node:path";
import { note, print } from "../cli/terminal.ts";

/** Without a runtime and without static data, so that all kernels share one memory. */
const OPTIONS = [
  "-O3",
  "--converge",
  "--noAssert",
  "--runtime",
  "stub",
  "--importMemory",
  "--sharedMemory",
  "--initialMemory",
  "1",
  "--maximumMemory",
  "65536",
  "--enable",
  "simd",
  "--enable",
  "relaxed-simd",
  "--enable",
  "threads",
  "--use",
  "abort=",
];

/** Characters a line of the base64 text. */
const LINE = 100;

/**
 * Compiles one kernel.
 *
 * @param source Path of the AssemblyScript.
 * @returns The module as base64 text, in lines.
 * @throws {Error} With the compiler's message.
 */
export async function buildKernel(source: string): Promise<string> {
  const binary = await Deno.makeTempFile({ suffix: ".wasm" });
  try {
    const { error, stderr } = await asc.main([source, "-o", binary, "--baseDir", "/", ...OPTIONS]);
    if (error) throw new Error(`Cannot compile '${source}':\n${stderr.toString()}`);
    const bytes = await Deno.readFile(binary);
    if (hasData(bytes)) {
      throw new Error(`'${source}' has static data, which others would overwrite`);
    }
    const text = bytes.toBase64();
    return text.replace(new RegExp(`.{1,${LINE}}`, "g"), "$&\n");
  } finally {
    await Deno.remove(binary);
  }
}

/** Whether a module has a section of data, number 11; sections follow on eight bytes. */
function hasData(bytes: Uint8Array): boolean {
  for (let at = 8; at < bytes.length;) {
    if (bytes[at++] === 11) return true;
    let size = 0;
    for (let shift = 0;; shift += 7) {
      const byte = bytes[at++]!;
      size |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    at += size;
  }
  return false;
}

async function kernelSources(root: string): Promise<string[]> {
  const sources: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(root)) {
    const source = join(root, name, `${name}.as.ts`);
    if (isDirectory && await exists(source)) sources.push(source);
  }
  return sources.sort();
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

if (import.meta.main) {
  const check = Deno.args.includes("--check");
  const sources = await kernelSources(join(import.meta.dirname ?? ".", "../gpu/kernels"));
  const stale: string[] = [];
  for (const source of sources) {
    const path = source.replace(/\.as\.ts$/, ".wasm.b64");
    const built = await buildKernel(source);
    if (await Deno.readTextFile(path).catch(() => "") === built) continue;
    stale.push(path);
    if (!check) await Deno.writeTextFile(path, built);
  }
  if (check && stale.length > 0) {
    note(`wasm: not what the sources give: ${stale.join(", ")}; run \`deno task wasm\``);
    Deno.exit(1);
  }
  print(stale.length === 0 ? `wasm: ${sources.length} kernels as built` : stale.join("\n"));
}
