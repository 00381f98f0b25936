/**
 * What the tests of this folder share: temporary folders, and other readers to compare with.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join, resolve } from "node:path";

/** Folder of real frames, or `undefined` where there is none. */
export const TEST_DATA: string | undefined = findTestData();

/** Whether a Python with astropy can be asked. */
export const HAS_ASTROPY: boolean = canImport("astropy");

const PYTHON = "/usr/bin/python3";

/** Runs `work` with a new folder that is removed afterwards. */
export async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-fits-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Asserts that `fitsverify` finds neither errors nor warnings. */
export async function assertVerified(path: string): Promise<void> {
  const { code, stdout } = await new Deno.Command("fitsverify", { args: [path] }).output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(code === 0 && text.includes("0 warning(s) and 0 error(s)"), text);
}

/** What `fitsverify` complains of, one line each. */
export async function complaints(path: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("fitsverify", { args: [path] }).output();
  const lines = new TextDecoder().decode(stdout).split("\n");
  return lines.filter((line) => /^\*\*\* /.test(line));
}

/** Runs a Python program and gives what it prints, read as JSON. */
export async function askPython(program: string, ...args: string[]): Promise<unknown> {
  const output = await new Deno.Command(PYTHON, { args: ["-W", "ignore", "-c", program, ...args] })
    .output();
  assert.equal(output.code, 0, new TextDecoder().decode(output.stderr));
  return JSON.parse(new TextDecoder().decode(output.stdout));
}

/** All files below a folder that start as FITS files do. */
export async function fitsFiles(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) found.push(...await fitsFiles(path));
    else if (entry.isFile && await startsAsFits(path)) found.push(path);
  }
  return found.sort();
}

async function startsAsFits(path: string): Promise<boolean> {
  using file = await Deno.open(path);
  const start = new Uint8Array(9);
  await file.read(start);
  return new TextDecoder().decode(start) === "SIMPLE  =";
}

function findTestData(): string | undefined {
  const here = import.meta.dirname ?? ".";
  const folder = Deno.env.get("GPPY_TESTDATA") ?? resolve(here, "../../shared/data");
  try {
    return Deno.statSync(folder).isDirectory ? folder : undefined;
  } catch {
    return undefined;
  }
}

function canImport(module: string): boolean {
  try {
    return new Deno.Command("/usr/bin/python3", { args: ["-c", `import ${module}`] }).outputSync()
      .success;
  } catch {
    return false;
  }
}
