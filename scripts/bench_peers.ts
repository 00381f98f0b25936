/**
 * Times gppy against other programs on the same files in one run, in turns, and on request writes
 * medians, CPU seconds, peak memory and ratios to `docs/benchmarks.md`.
 *
 *   scripts/bench_peers [--sections median,clipped-mean,lights,cosmic-rays,memory] [--runs 3]
 *     [--slow-runs 1] [--frames 9,21] [--slow-frames 21] [--folder DIR] [--write]
 *
 * The frames are made in DIR at the first run, about 5 GB, and stay there.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { note, print } from "../cli/terminal.ts";
import { writeSection } from "./benchmark_page.ts";
import { combineRace, memoryRace } from "./peers/combine_race.ts";
import { lightsRace } from "./peers/lights_race.ts";
import { describeMachine } from "./peers/programs.ts";
import { raysRace } from "./peers/rays_race.ts";

/** What the user chose. */
export interface BenchOptions {
  /** Room for frames and outputs. */
  readonly folder: string;
  readonly rounds: number;
  /** Rounds of programs that take minutes. */
  readonly slowRounds: number;
  /** How many frames are combined. */
  readonly frames: readonly number[];
  /** Programs that take minutes combine no more than these. */
  readonly slowFrames: number;
}

interface Section {
  readonly title: string;
  /** How it is measured. */
  readonly about: string;
  readonly measure: (options: BenchOptions) => Promise<string[]>;
}

const SECTIONS: Readonly<Record<string, Section>> = {
  median: {
    title: "Median of frames",
    about: "Frames of 9576×6388 uint16 into one of float32.",
    measure: (options) => combineRace("median", options),
  },
  "clipped-mean": {
    title: "Clipped mean of frames",
    about:
      "The same with outliers rejected: gppy at 3σ about the median, up to 5 rounds; siril's " +
      "`rej 3 3`.",
    measure: (options) => combineRace("clipped-mean", options),
  },
  lights: {
    title: "Ten lights reduced",
    about:
      "(light − bias − dark × scale) / flat of ten frames of 9576×6388 uint16. gppy also finds, " +
      "fills and marks bad, saturated and not linear pixels and writes a mask of each light.",
    measure: lightsRace,
  },
  "cosmic-rays": {
    title: "Cosmic rays",
    about: "L.A.Cosmic on one simulated frame of 9576×6388 float32, from file to clean image and " +
      "mask, with the same parameters.",
    measure: raysRace,
  },
  memory: {
    title: "Memory against the number of frames",
    about: "gppy alone.",
    measure: memoryRace,
  },
};

const METHOD =
  "Whole processes that read FITS files and write one, files in the page cache, in turns " +
  "(A B C, A B C, …), what waits for the disk written before each; medians. No program waits for the " +
  "disk at its end unless it says so. GB/s is of the bytes that gppy reads and writes. " +
  "Made by `scripts/bench_peers --write`; a program that is not installed is left out.";

const { values } = parseArgs({
  options: {
    sections: { type: "string", default: Object.keys(SECTIONS).join(",") },
    folder: { type: "string", default: "/var/tmp/gppy-bench" },
    runs: { type: "string", default: "3" },
    "slow-runs": { type: "string", default: "1" },
    frames: { type: "string", default: "9,21" },
    "slow-frames": { type: "string", default: "21" },
    write: { type: "boolean", default: false },
  },
});

async function report(name: string, title: string, lines: readonly string[]): Promise<void> {
  print(`## ${title}\n\n${lines.join("\n")}\n`);
  if (values.write) await writeSection(name, title, lines);
}

function whole(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`"${text}" is no number of runs or frames`);
  return Number(text);
}

const options: BenchOptions = {
  folder: values.folder,
  rounds: whole(values.runs),
  slowRounds: whole(values["slow-runs"]),
  frames: values.frames.split(",").map(whole),
  slowFrames: whole(values["slow-frames"]),
};
await Deno.mkdir(options.folder, { recursive: true });
await report("peers-machine", "Machine and method", [
  METHOD,
  "",
  ...await describeMachine(options.folder),
]);
for (const name of values.sections.split(",")) {
  const section = SECTIONS[name];
  if (section === undefined) throw new Error(`no section "${name}"`);
  note(section.title);
  const lines = await section.measure(options);
  await report(`peers-${name}`, section.title, [section.about, "", ...lines]);
}
