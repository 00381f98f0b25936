/**
 * Many frames into one: gppy beside other programs.
 *
 * @module
 */

import { basename, join } from "node:path";
import { note } from "../../cli/terminal.ts";
import type { BenchOptions } from "../bench_peers.ts";
import { biasFrames, bytesOf, PIXELS } from "./frames.ts";
import { type Agreement, compareReal } from "./combine_real.ts";
import { ask, devices, gppy, libraries, python, shell, works } from "./programs.ts";
import { race, type Racer, tableOf } from "./race.ts";

/** How frames are combined. */
export type Method = "median" | "clipped-mean";

const LIBRARIES: Readonly<Record<Method, readonly string[]>> = {
  median: ["numpy", "bottleneck", "ccdproc", "cupy"],
  "clipped-mean": [],
};

/** Combines 9, 21, … frames by each program and compares gppy's result with Python's. */
export async function combineRace(method: Method, options: BenchOptions): Promise<string[]> {
  const lines: string[] = [];
  const frames = await biasFrames(options.folder, Math.max(...options.frames));
  const output = join(options.folder, "combined.fits");
  for (const count of options.frames) {
    note(`${method} of ${count}`);
    const inputs = frames.slice(0, count);
    const bytes = bytesOf(inputs) + 4 * PIXELS;
    let agreement: Agreement | undefined;
    const results = await race(await racersOf(method, output, inputs, options), {
      ...options,
      inputs,
      clear: () => Deno.remove(output).catch(() => {}),
      inspect: async (name) => {
        if (name === "gppy") agreement = await ask("agree.py", method, output, ...inputs);
      },
    });
    const { rows, relative, different, pixels } = agreement!;
    const peer = method === "median"
      ? "numpy.median"
      : "astropy's sigma_clip (3σ, 5 rounds) and mean";
    lines.push("", `### ${method} of ${count} frames`, "", ...tableOf(results, bytes), "");
    lines.push(
      `${(bytes / 1e9).toFixed(2)} GB read and written. Compared with ${peer} on ${rows} rows: ` +
        `largest relative difference ${relative.toExponential(1)}, ${different} of ${pixels} ` +
        "values with other bits.",
    );
  }
  return [...lines, "", ...await compareReal(method, output)];
}

async function racersOf(
  method: Method,
  output: string,
  inputs: readonly string[],
  { slowFrames }: BenchOptions,
): Promise<Racer[]> {
  const own = (device: string, durable: string) =>
    gppy("combine_gppy.ts", device, method, durable, output, ...inputs);
  const racers: Racer[] = [{ name: "gppy", command: own("cpu", "buffered") }];
  for (const device of await devices()) {
    const name = device === "cpu" ? "gppy, flushed to disk" : `gppy on ${device}`;
    racers.push({ name, command: own(device, device === "cpu" ? "durable" : "buffered") });
  }
  if (await works("siril-cli", "--version")) {
    racers.push({ name: "siril", command: shell("combine_siril", method, output, ...inputs) });
  }
  for (const library of await libraries(...LIBRARIES[method])) {
    if (library === "ccdproc" && inputs.length > slowFrames) continue;
    const command = python("combine.py", library, method, output, ...inputs);
    racers.push({ name: library, command, slow: library === "ccdproc" || inputs.length > 9 });
  }
  return racers;
}

/** Time and memory of gppy alone for ever more frames. */
export async function memoryRace(options: BenchOptions): Promise<string[]> {
  const frames = await biasFrames(options.folder, 21);
  const links = join(options.folder, "links");
  await Deno.mkdir(links, { recursive: true });
  const all = await Promise.all(Array.from({ length: 101 }, async (_, k) => {
    const target = frames[k % frames.length]!;
    const link = join(links, `${k}_${basename(target)}`);
    await Deno.symlink(target, link).catch(() => {});
    return link;
  }));
  const output = join(options.folder, "combined.fits");
  const lines = [
    "| frames | method | wall s | CPU s | peak MB | GB/s |",
    "|---|---|---|---|---|---|",
  ];
  for (const method of ["median", "clipped-mean"] as const) {
    for (const count of [9, 21, 101]) {
      const inputs = all.slice(0, count);
      const command = gppy("combine_gppy.ts", "cpu", method, "buffered", output, ...inputs);
      const clear = () => Deno.remove(output).catch(() => {});
      const [result] = await race([{ name: `${method} of ${count}`, command }], {
        ...options,
        rounds: options.slowRounds,
        inputs,
        clear,
      });
      const { wallS, cpuS, peakMb } = result!;
      const rate = (bytesOf(inputs) + 4 * PIXELS) / wallS / 1e9;
      const cells = [wallS.toFixed(2), cpuS.toFixed(2), peakMb.toFixed(0), rate.toFixed(2)];
      lines.push(`| ${count} | ${method} | ${cells.join(" | ")} |`);
    }
  }
  return [...lines, "", "The 101 are links to 21 files."];
}
