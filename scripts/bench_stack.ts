/**
 * Stacks full-size simulated frames with gppy and with SWarp as the 7DT pipeline calls it
 * (LANCZOS3, MEDIAN, BACK_SIZE 512, no weights, two threads), in turns A B A B, and tells wall time,
 * CPU time, peak memory, the bytes moved, what the machine needs to move them, and how far the two
 * stacks differ. gppy also reads the masks, writes a mask and a weight map, and waits for the disk.
 *
 *   scripts/bench_stack [--out FOLDER] [--frames 3,9] [--rounds 2] [--size 9576x6388]
 *     [--many 100] [--write]
 *
 * `--many` stacks so many links to the frames with gppy alone, for its memory. `--write` renews the
 * section of `docs/benchmarks.md`. The frames are made at the first run, about 5 GB, and stay.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { note, print } from "../cli/terminal.ts";
import { openImage } from "../fits/image.ts";
import { writeSection } from "./benchmark_page.ts";
import {
  type Frame,
  makeNight,
  multiply,
  type Night,
  writeManifest,
} from "./bench_stack_frames.ts";
import { judge } from "./bench_stack_judge.ts";
import { describeMachine, ROOT } from "./peers/programs.ts";
import { measure, race, type Racer, tableOf } from "./peers/race.ts";

const SCALE_ARCSEC = 0.505;
const THREADS = 2;
/** Copies of a byte of a frame: from the page cache, prepared, resampled. */
const FRAME_COPIES = 3;
/** Copies of a byte of the stack: joined, encoded, handed over, into the page cache. */
const STACK_COPIES = 4;

interface BenchOptions {
  readonly out: string;
  readonly rounds: number;
}

/** gppy with the settings that SWarp has. */
function gppy(manifest: string, site: string): Racer {
  return {
    name: "gppy",
    cwd: ROOT,
    command: [
      ...["scripts/gppy", "stack", manifest, "--config", site],
      ...["--force", "-q", "--combine", "median", "--mesh-px", "512", "--weights", "equal"],
      ...["--scale", "none", "--gap-s", "100000", "--pixel-scale-arcsec", String(SCALE_ARCSEC)],
      ...["--device", "cpu", "-o", `${manifest}.out`],
    ],
  };
}

/** SWarp as the 7DT pipeline calls it, on the grid of gppy's stack. */
async function swarp(frames: readonly Frame[], stack: string, folder: string): Promise<Racer> {
  using image = await openImage(stack);
  const { header, width, height } = image;
  const centre = ["CRVAL1", "CRVAL2"].map((card) => header.requireNumber(card)).join(",");
  return {
    name: "SWarp",
    cwd: folder,
    command: [
      ...[
        "SWarp",
        ...frames.map((frame) => frame.image),
        "-c",
        resolve("config/defaults/7dt.swarp"),
      ],
      ...["-IMAGEOUT_NAME", join(folder, "swarp.fits")],
      ...["-WEIGHTOUT_NAME", join(folder, "swarp.weight.fits"), "-RESAMPLE_DIR", folder],
      ...["-VMEM_DIR", folder, "-COMBINE_TYPE", "MEDIAN", "-RESAMPLING_TYPE", "LANCZOS3"],
      ...["-BACK_SIZE", "512", "-CENTER_TYPE", "MANUAL", "-CENTER", centre],
      ...["-IMAGE_SIZE", `${width},${height}`, "-PIXELSCALE_TYPE", "MANUAL"],
      ...["-PIXEL_SCALE", String(SCALE_ARCSEC), "-SUBTRACT_BACK", "Y"],
      ...["-NTHREADS", String(THREADS)],
    ],
  };
}

async function findStack(work: string): Promise<string> {
  for await (const { name } of Deno.readDir(join(work, "stack"))) {
    if (name.endsWith(".com.fits")) return join(work, "stack", name);
  }
  throw new Error(`no stack in ${work}`);
}

const bytesOf = (paths: readonly string[]) =>
  paths.reduce((sum, path) => sum + Deno.statSync(path).size, 0);

/** Prepares an empty folder in which frames are stacked. */
async function prepare(frames: readonly Frame[], folder: string): Promise<string> {
  await Deno.remove(folder, { recursive: true }).catch(() => undefined);
  await Deno.mkdir(folder, { recursive: true });
  const manifest = join(folder, "frames.json");
  await writeManifest(manifest, frames, folder);
  return manifest;
}

/** Both programs on the first frames, in turns. */
async function compare(count: number, night: Night, options: BenchOptions): Promise<string[]> {
  const frames = night.frames.slice(0, count);
  const folder = join(options.out, `stack-${count}`);
  const own = gppy(await prepare(frames, folder), night.site);
  note(`${count} frames; the first run is not counted`);
  await measure(own);
  const stack = await findStack(folder);
  const inputs = frames.flatMap(({ image, mask }) => [image, mask]);
  const results = await race([own, await swarp(frames, stack, folder)], {
    rounds: options.rounds,
    slowRounds: options.rounds,
    inputs,
    clear: () => Promise.resolve(),
  });
  const companions = ["mask", "weight"].map((kind) => stack.replace(/fits$/, `${kind}.fits`));
  const read = bytesOf(inputs);
  const written = bytesOf([stack, ...companions]);
  const { width, height } = frames[0]!;
  return [
    `### ${count} frames of ${width}×${height} px`,
    "",
    ...tableOf(results, read + written),
    "",
    boundLine(read, written, results[0]!.wallS),
    "",
    ...await judge(
      { native: stack, swarp: join(folder, "swarp.fits"), truth: night.truth },
      folder,
    ),
    "",
  ];
}

/** Bytes moved, and the least time for it on this machine. */
function boundLine(read: number, written: number, wallS: number): string {
  const { copy, flush } = rates;
  const copied = FRAME_COPIES * read + STACK_COPIES * written;
  const [memoryS, diskS] = [copied / copy / 1e9 / THREADS, written / flush / 1e9];
  const bound = Math.max(memoryS, diskS);
  const mb = (bytes: number) => (bytes / 1e6).toFixed(0);
  return `gppy reads ${mb(read)} MB and writes ${mb(written)} MB. The bytes of frames are copied ` +
    `${FRAME_COPIES} times on their way, those of the stack ${STACK_COPIES} times: ` +
    `${(copied / 1e9).toFixed(1)} GB, which takes ${THREADS} threads ${
      memoryS.toFixed(1)
    } s here; ` +
    `writing until it is on the disk takes ${diskS.toFixed(1)} s. gppy takes ` +
    `${(wallS / bound).toFixed(1)} times the longer of the two.`;
}

/** gppy alone on many links. */
async function memoryOf(count: number, night: Night, options: BenchOptions): Promise<string[]> {
  const folder = join(options.out, `stack-${count}`);
  const frames = await multiply(night.frames, count, join(options.out, "links"));
  const { wallS, cpuS, peakMb } = await measure(gppy(await prepare(frames, folder), night.site));
  const read = bytesOf(frames.flatMap(({ image, mask }) => [image, mask]));
  return [
    `### ${count} frames`,
    "",
    `gppy, links to ${night.frames.length} frames: ${wallS.toFixed(1)} s, ${
      cpuS.toFixed(1)
    } CPU s, ` +
    `${peakMb.toFixed(0)} MB at most; ${(read / 1e9).toFixed(1)} GB read.`,
    "",
  ];
}

/** GB/s: of a copy in memory on one thread, and of writing until it is on the disk. */
interface Rates {
  readonly copy: number;
  readonly flush: number;
}

function ratesOf(machine: readonly string[]): Rates {
  const numbers = /memory ([\d.]+) GB\/s.*page cache, ([\d.]+) GB\/s/.exec(machine.join(" "));
  return { copy: Number(numbers?.[1]), flush: Number(numbers?.[2]) };
}

const { values } = parseArgs({
  options: {
    out: { type: "string", default: "out/bench_stack" },
    frames: { type: "string", default: "3,9" },
    rounds: { type: "string", default: "2" },
    size: { type: "string", default: "9576x6388" },
    many: { type: "string" },
    write: { type: "boolean", default: false },
  },
});
const counts = values.frames.split(",").map(Number);
const options = { out: resolve(values.out), rounds: Number(values.rounds) };
const night = await makeNight(options.out, { size: values.size, frames: Math.max(...counts) });
const machine = await describeMachine(options.out);
const rates = ratesOf(machine);
const lines = [
  "Whole processes on simulated, dithered, rotated and distorted frames in the page cache, in turns; " +
  "10200×6800 px at 0.505″, LANCZOS3, MEDIAN, BACK_SIZE 512, two threads. gppy also reads masks, " +
  "writes a mask and a weight map, takes the digests of its products and waits for the disk; SWarp " +
  "does not. Made by `scripts/bench_stack --write`.",
  "",
  ...machine,
  "",
];
for (const count of counts) lines.push(...await compare(count, night, options));
if (values.many) lines.push(...await memoryOf(Number(values.many), night, options));
print(lines.join("\n"));
if (values.write) await writeSection("stack", "Stacking", lines);
