/**
 * Subtracts simulated pairs with truth by whole processes and measures the differences beside
 * the ideal ones, which know both point-spread functions; on request times gppy beside Source
 * Extractor on the same science frame, in turns.
 *
 *   scripts/bench_subtract [--cases sharper,equal] [--sizes 1k,2k,4k,full] [--folder DIR]
 *     [--engines native,zogy] [--noises 4] [--seed 1] [--time 3] [--pictures] [--write]
 *     [-- flags for gppy subtract]
 *
 * `preconvolved` among the engines is the native one with `--convolve preconvolve`.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { note, print } from "../cli/terminal.ts";
import { PAIR_CASES, type PairCase } from "../sim/pair_cases.ts";
import { makeAgain, makePair, type PairFiles, repeatPair } from "./bench_pair.ts";
import { writeSection } from "./benchmark_page.ts";
import {
  engineRows,
  ENGINES_HEAD,
  type Figures,
  judgement,
  rowOf,
  TABLE_HEAD,
} from "./bench_subtract_rows.ts";

const ROOT = resolve(import.meta.dirname ?? ".", "..");
const SIZES: Readonly<Record<string, readonly [number, number]>> = {
  "1k": [1024, 1024],
  "2k": [2048, 2048],
  "4k": [4096, 4096],
  full: [9576, 6388],
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cases: { type: "string", default: Object.keys(PAIR_CASES).join(",") },
    sizes: { type: "string", default: "1k" },
    folder: { type: "string", default: "/var/tmp/gppy-bench-subtract" },
    engines: { type: "string", default: "native" },
    noises: { type: "string", default: "4" },
    seed: { type: "string", default: "1" },
    time: { type: "string", default: "0" },
    pictures: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});

/** One measured run of a program. */
interface Run {
  readonly wallS: number;
  readonly cpuS: number;
  readonly peakMb: number;
}

async function timed(name: string, args: readonly string[]): Promise<Run & { stdout: string }> {
  const { success, stdout, stderr } = await new Deno.Command("/usr/bin/time", {
    args: ["-f", "BENCH %e %U %S %M", name, ...args],
    cwd: ROOT,
  }).output();
  const report = new TextDecoder().decode(stderr);
  if (!success) throw new Error(`${name} failed:\n${report.slice(-3000)}`);
  const numbers = /BENCH (\S+) (\S+) (\S+) (\S+)/.exec(report)?.slice(1).map(Number) ?? [];
  const [wallS = NaN, userS = NaN, systemS = NaN, kib = NaN] = numbers;
  const text = new TextDecoder().decode(stdout);
  return { wallS, cpuS: userS + systemS, peakMb: kib / 1024, stdout: text };
}

const engineFlags = (engine: string) =>
  engine === "preconvolved"
    ? ["--engine", "native", "--convolve", "preconvolve"]
    : ["--engine", engine];

const ENGINES = values.engines.split(",");

async function subtract(
  pair: PairFiles,
  engine: string,
  flags: readonly string[] = [],
): Promise<Run> {
  return await timed("scripts/gppy", [
    ...["subtract", pair.manifest],
    ...["--reference", pair.reference, ...engineFlags(engine), "--force", "-q"],
    ...["-o", `${pair.manifest}.out`, ...flags, ...positionals],
  ]);
}

async function sourceExtractor(pair: PairFiles): Promise<Run> {
  return await timed("source-extractor", [
    pair.science,
    ...["-c", join(ROOT, "config/defaults/7dt.sex"), "-CATALOG_NAME", join(pair.folder, "se.cat")],
    ...["-PARAMETERS_NAME", join(ROOT, "config/defaults/detect.param"), "-VERBOSE_TYPE", "QUIET"],
    ...["-FILTER_NAME", join(ROOT, "config/defaults/gauss_3.0_7x7.conv")],
    ...["-STARNNW_NAME", "/usr/share/source-extractor/default.nnw", "-CHECKIMAGE_TYPE", "NONE"],
  ]);
}

/** Measures the difference of a pair, and of the same with other noise; gives the time of the first. */
async function judge(
  pair: PairFiles,
  engine: string,
  picture: string | undefined,
): Promise<{ readonly run: Run; readonly figures: Figures }> {
  const flags = ["--psf", ...(ENGINES.length > 1 ? ["--score"] : [])];
  const run = await subtract(pair, engine, flags);
  const made = (of: PairFiles) => join(of.folder, "subtract");
  const again: string[] = [];
  for (let k = 1; k < Number(values.noises); k++) {
    const other = await makeAgain(pair, k);
    await subtract(other, engine, ["--psf"]);
    again.push("--again", made(other));
  }
  const { stdout } = await timed("/usr/bin/python3", [
    ...[join(ROOT, "scripts/peers/judge_difference.py"), pair.folder, made(pair), ...again],
    ...(picture === undefined ? [] : ["--picture", picture]),
  ]);
  return { run, figures: judgement.parse(JSON.parse(stdout)) };
}

const median = (numbers: readonly number[]) =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;

/** Pairs of a run, of which each is timed; of pairs of so many pixels, which take long enough alone. */
const MANY = { pairs: 12, mostPixels: 5e6 };

async function race(pair: PairFiles, pixels: number, rounds: number): Promise<string[]> {
  const eachOfMany = `gppy, each of ${MANY.pairs} in a run`;
  const runs: Record<string, Run[]> = { gppy: [], [eachOfMany]: [], "Source Extractor": [] };
  const many = await repeatPair(pair, MANY.pairs);
  for (let round = 0; round < rounds; round++) {
    runs["Source Extractor"]!.push(await sourceExtractor(pair));
    runs["gppy"]!.push(await subtract(pair, ENGINES[0]!));
    if (pixels > MANY.mostPixels) continue;
    const { wallS, cpuS, peakMb } = await subtract(many, ENGINES[0]!);
    runs[eachOfMany]!.push({ wallS: wallS / MANY.pairs, cpuS: cpuS / MANY.pairs, peakMb });
  }
  const known = Object.entries(runs).filter(([, all]) => all.length > 0);
  return known.map(([name, all]) => {
    const of = (key: keyof Run) => median(all.map((run) => run[key]));
    const walls = all.map(({ wallS }) => wallS);
    const range = `${Math.min(...walls).toFixed(2)}–${Math.max(...walls).toFixed(2)}`;
    const ratio = of("wallS") / median(runs["Source Extractor"]!.map(({ wallS }) => wallS));
    return `| ${name} | ${of("wallS").toFixed(2)} | ${range} | ${of("cpuS").toFixed(2)} | ` +
      `${of("peakMb").toFixed(0)} | ${ratio.toFixed(2)} |`;
  });
}

/** The rows of one pair. */
async function rowsOf(pair: PairFiles, name: PairCase, size: string): Promise<string[]> {
  const all: Figures[] = [];
  for (const engine of ENGINES) {
    const title = `${name}-${size}${ENGINES.length > 1 ? `-${engine}` : ""}`;
    const picture = values.pictures ? join(values.folder, `${title}.png`) : undefined;
    const { run, figures } = await judge(pair, engine, picture);
    note(`${title}: ${run.wallS.toFixed(1)} s, ${run.peakMb.toFixed(0)} MB`);
    all.push(figures);
  }
  await Deno.writeTextFile(join(pair.folder, "figures.json"), JSON.stringify(all, null, 1));
  const title = PAIR_CASES[name];
  return all.length === 1 ? rowOf(title, all[0]!) : engineRows(title, all);
}

async function measure(): Promise<string[]> {
  const lines: string[] = [];
  for (const size of values.sizes.split(",")) {
    const [width, height] = SIZES[size] ?? [Number(size), Number(size)];
    const head = ENGINES.length > 1 ? ENGINES_HEAD : TABLE_HEAD;
    lines.push("", `### ${width}×${height} px`, "", ...head);
    const times: string[] = [];
    for (const name of values.cases.split(",") as PairCase[]) {
      const folder = join(values.folder, `${name}-${size}-${values.seed}`);
      const pair = await makePair(folder, name, { width, height, seed: Number(values.seed) });
      const rows = await rowsOf(pair, name, size);
      note(rows.join("\n"));
      lines.push(...rows);
      if (Number(values.time) > 0 && times.length === 0) {
        times.push(...await race(pair, width * height, Number(values.time)));
      }
    }
    if (times.length > 0) {
      lines.push(
        "",
        "| program | wall s | range | CPU s | peak MB | wall over Source Extractor's |",
      );
      lines.push("|---|---|---|---|---|---|", ...times);
    }
  }
  return lines;
}

const INTRODUCTION = [
  "Simulated pairs with truth (`sim/pair_cases.ts`): Moffat profiles that vary over the field, known noise.",
  "The ideal difference knows both point-spread functions: the kernel is their ratio in Fourier space, both",
  "images without noise cancel exactly, and the noise of one, less that of the other under this kernel, and the new",
  "sources are left. One detector (sep, 5 σ, matched filter) looks at difference over noise of both, with the PSF that",
  "the engine states of its difference (`--psf`), and with the true one at the ideal. Spread, blocks",
  "(means over 64 px) and pulls of stars (flux by this PSF over its error; mean ± root mean square) are 1 for",
  "pure noise (what correlates the noise is allowed for by one number for each difference, measured on bare sky); complete: of injected",
  "sources with S/N ≥ 5 / 7 / 10 in the ideal difference; flux: of those of S/N ≥ 10 over the truth; noise, on bare sky and on sources: the",
  "noise map over the scatter of the same pixels when the pair is made and subtracted anew with other noise, so whatever kernel was",
  "fitted; seam: means by place within 128 px squares, in their errors.",
];
const ENGINES_INTRODUCTION = [
  "The engines on the same pairs; columns as above. Score: the image of `--score`, its spread on bare sky, and what its",
  "peaks of 5 σ are.",
];

if (import.meta.main) {
  const lines = await measure();
  print(lines.join("\n"));
  const [name, title, introduction] = ENGINES.length > 1
    ? ["subtract-engines", "Engines of subtraction side by side", ENGINES_INTRODUCTION] as const
    : ["subtract", "Subtraction", INTRODUCTION] as const;
  if (values.write) await writeSection(name, title, [...introduction, ...lines]);
}
