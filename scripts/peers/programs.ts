/**
 * Which programs to compare with are installed, and on what they run.
 *
 * @module
 */

import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { chooseAdapter, describeAdapter } from "../../gpu/device.ts";

/** The folder of the project. */
export const ROOT: string = join(import.meta.dirname ?? ".", "..", "..");

const HERE = join(ROOT, "scripts", "peers");
const PYTHON = "/usr/bin/python3";

/** The command of a program of this folder. */
export function gppy(script: string, ...args: string[]): string[] {
  return [Deno.execPath(), "run", "-A", "--no-check", join(HERE, script), ...args];
}

/** The command of a Python script of this folder. */
export function python(script: string, ...args: string[]): string[] {
  return [PYTHON, join(HERE, script), ...args];
}

/** The command of a shell script of this folder. */
export function shell(script: string, ...args: string[]): string[] {
  return [join(HERE, script), ...args];
}

/** Whether a command ends well. */
export async function works(...[program = "", ...args]: readonly string[]): Promise<boolean> {
  try {
    const command = new Deno.Command(program, { args, stdout: "null", stderr: "null" });
    return (await command.output()).success;
  } catch {
    return false;
  }
}

const PROBES: Readonly<Record<string, string>> = {
  cupy: "import astropy, cupy; assert cupy.cuda.runtime.getDeviceCount() > 0",
};

/** Those of some Python libraries that are installed. */
export async function libraries(...names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map((name) => works(PYTHON, "-c", PROBES[name] ?? `import astropy, ${name}`)),
  );
  return names.filter((_, i) => found[i]);
}

/** The devices that gppy is run on: the processor, and a real GPU where there is one. */
export async function devices(): Promise<readonly ("cpu" | "webgpu")[]> {
  return await realGpu() === undefined ? ["cpu"] : ["cpu", "webgpu"];
}

/** Name of the GPU; undefined without a real one. */
export async function realGpu(): Promise<string | undefined> {
  const adapter = await chooseAdapter("auto").catch(() => undefined);
  return adapter && describeAdapter(adapter).name;
}

/** Runs a Python script that prints JSON. */
export async function ask<Answer>(script: string, ...args: string[]): Promise<Answer> {
  const [program = "", ...rest] = python(script, ...args);
  const { success, stdout, stderr } = await new Deno.Command(program, { args: rest }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`${script}: ${text.decode(stderr).slice(-800)}`);
  return JSON.parse(text.decode(stdout));
}

/** The machine in words, and what its memory and disk do. */
export async function describeMachine(folder: string): Promise<string[]> {
  const gpu = await realGpu();
  const { buffered, flushed } = await diskRates(join(folder, "rate"));
  return [
    `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, ${
      Math.round(totalmem() / 2 ** 30)
    } GiB, Linux ${release()}, ${gpu ?? "no GPU"}, Deno ${Deno.version.deno}.`,
    "",
    `Measured in the same run: copying in memory ${memoryRate().toFixed(1)} GB/s on one thread; ` +
    `writing a file of 1 GB ${buffered.toFixed(2)} GB/s into the page cache, ${
      flushed.toFixed(2)
    } GB/s until it is on the disk.`,
  ];
}

/** GB/s of a copy that is larger than the caches. */
function memoryRate(): number {
  const [from, to] = [new Uint8Array(1 << 28).fill(1), new Uint8Array(1 << 28).fill(2)];
  const start = performance.now();
  for (let i = 0; i < 8; i++) to.set(from);
  return 8 * from.length / (performance.now() - start) / 1e6;
}

/** GB/s of writing, until the system has taken it and until the disk has. */
async function diskRates(path: string): Promise<{ buffered: number; flushed: number }> {
  await new Deno.Command("sync").output();
  const piece = new Uint8Array(1 << 23).fill(7);
  const pieces = 120;
  const start = performance.now();
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  for (let i = 0; i < pieces; i++) file.writeSync(piece);
  const taken = performance.now();
  file.syncDataSync();
  const done = performance.now();
  await Deno.remove(path);
  const bytes = pieces * piece.length / 1e6;
  return { buffered: bytes / (taken - start), flushed: bytes / (done - start) };
}
