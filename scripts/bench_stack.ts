/**
 * Stacks full-size simulated frames with gppy and with SWarp as the 7DT pipeline calls it
 * (LANCZOS3, MEDIAN, BACK_SIZE 512, no weights), in turns A B A B, and prints wall time, CPU time,
 * peak memory and how far the two pictures differ. gppy also reads the masks, and writes a mask.
 *
 *   scripts/bench_stack [--out FOLDER] [--frames 3,9] [--rounds 2] [--size 9576x6388]
 *
 * @module
 */

import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { note, print } from "../cli/terminal.ts";
import { FitsHeader } from "../fits/header.ts";
import { createImage, openImage, readImage } from "../fits/image.ts";
import { bit, setPlaneCards } from "../sky/mask.ts";
import { clippedStats } from "../sky/stats.ts";
import { isoToMjd } from "../sky/time.ts";
import { MANIFEST_VERSION, type Product } from "../stages/manifest.ts";

const FILTER = "m600";
const OBJECT = "T09614";
/** Level of the simulated detector without light, ADU. */
const BIAS_ADU = 500;
const SATURATION_ADU = 60_000;
const STRIP_ROWS = 512;
const SCALE_ARCSEC = 0.505;
const NO_DIGEST = "0".repeat(64);

interface Frame {
  readonly id: string;
  readonly image: string;
  readonly mask: string;
  readonly mjd: number;
  readonly width: number;
  readonly height: number;
}

/** One measured run. */
interface Run {
  readonly wallS: number;
  readonly cpuS: number;
  readonly peakMb: number;
}

async function command(name: string, args: readonly string[], cwd?: string): Promise<string> {
  const out = await new Deno.Command(name, {
    args: [...args],
    stdout: "piped",
    stderr: "piped",
    ...(cwd === undefined ? {} : { cwd }),
  }).output();
  const text = new TextDecoder();
  if (!out.success) throw new Error(`${name} failed:\n${text.decode(out.stderr).slice(-3000)}`);
  return text.decode(out.stderr);
}

/** Runs a program under time(1). */
async function timed(name: string, args: readonly string[], cwd: string): Promise<Run> {
  const report = await command("/usr/bin/time", ["-f", "BENCH %e %U %S %M", name, ...args], cwd);
  const [, wall, user, system, kilobytes] = /BENCH (\S+) (\S+) (\S+) (\S+)/.exec(report) ?? [];
  return {
    wallS: Number(wall),
    cpuS: Number(user) + Number(system),
    peakMb: Number(kilobytes) / 1024,
  };
}

async function simulate(out: string, size: string, frames: number): Promise<void> {
  if (await Deno.stat(join(out, "truth.csv")).catch(() => undefined)) return;
  note(`simulating ${frames} frames of ${size} px in ${out}`);
  await command(Deno.execPath(), [
    ...["run", "-A", "cli/main.ts", "simulate", "--out", out, "--size", size, "--filters", FILTER],
    ...["--object", OBJECT, "--lights", String(frames), "--no-bias", "--no-darks"],
    ...["--no-flats", FILTER, "--no-reference", "--transients", "0", "--fading", "0", "-q"],
  ]);
}

async function lightsOf(night: string): Promise<string[]> {
  const found: string[] = [];
  for await (const unit of Deno.readDir(join(night, "obsdata"))) {
    for await (const date of Deno.readDir(join(night, "obsdata", unit.name))) {
      const folder = join(night, "obsdata", unit.name, date.name);
      for await (const { name } of Deno.readDir(folder)) {
        if (name.includes(`_${OBJECT}_`)) found.push(join(folder, name));
      }
    }
  }
  return found.sort();
}

/** Lines of text as cards of 80 characters. */
const cardsOf = (text: string) => text.split("\n").map((line) => line.padEnd(80)).join("");

/** Writes a raw frame as calib and astrom would leave it: float32, true WCS, mask of what is saturated. */
async function calibrate(raw: string, night: string, folder: string): Promise<Frame> {
  const id = `calib_${basename(raw, ".fits")}`;
  const [image, mask] = [join(folder, `${id}.fits`), join(folder, `${id}.mask.fits`)];
  using reader = await openImage(raw);
  const { width, height } = reader;
  const header = reader.header.clone();
  const head = await Deno.readTextFile(join(night, "wcs", `${basename(raw, ".fits")}.head`));
  header.append(FitsHeader.parse(new TextEncoder().encode(cardsOf(head))).cards);
  header.set("SATURATE", SATURATION_ADU - BIAS_ADU);
  const mjd = isoToMjd(header.requireText("DATE-OBS"));
  const frame = { id, image, mask, mjd, width, height };
  if (await Deno.stat(mask).catch(() => undefined)) return frame;
  await using out = await createImage(image, { width, height, header });
  await using planes = await createImage(mask, {
    ...{ width, height, bitpix: 16, bzero: 32768 },
    header: setPlaneCards(FitsHeader.from({})),
  });
  for (let y = 0; y < height; y += STRIP_ROWS) {
    const data = await reader.readRows(y, Math.min(STRIP_ROWS, height - y));
    const bits = Uint16Array.from(data, (value) => value >= SATURATION_ADU ? bit("SAT") : 0);
    for (let i = 0; i < data.length; i++) data[i]! -= BIAS_ADU;
    await out.writeRows(data);
    await planes.writeRows(bits);
  }
  await out.finish();
  await planes.finish();
  return frame;
}

async function writeManifest(path: string, frames: readonly Frame[], work: string): Promise<void> {
  const products = frames.flatMap(({ id, image, mask, mjd, width, height }): Product[] => {
    const common = {
      ...{ bytes: 0, sha256: NO_DIGEST, stage: "calib", from: [], measured: {}, gates: [] },
      ...{ unit: "7DT07", object: OBJECT, filter: FILTER, exposureS: 100, mjd, width, height },
      dateObs: new Date((mjd - 40587) * 86_400_000).toISOString().replace("Z", ""),
      binning: "1x1",
    };
    return [
      { ...common, id, kind: "frame", path: image, imageType: "light" },
      { ...common, id: `${id}.mask`, kind: "mask", path: mask, of: id },
    ];
  });
  const night = { unit: "7DT07", date: "2024-04-23", source: work, work };
  const manifest = { gppyManifest: MANIFEST_VERSION, night, products, left: [], stages: [] };
  await Deno.writeTextFile(path, JSON.stringify(manifest));
}

/** gppy with the settings that SWarp has. */
async function runGppy(manifest: string, site: string): Promise<Run> {
  const root = resolve(import.meta.dirname ?? ".", "..");
  return await timed(Deno.execPath(), [
    ...["run", "-A", "cli/main.ts", "stack", manifest, "--config", site, "--force", "-q"],
    ...["--combine", "median", "--mesh-px", "512", "--weights", "equal", "--scale", "none"],
    ...["--gap-s", "100000", "--pixel-scale-arcsec", String(SCALE_ARCSEC)],
    ...["--device", "cpu", "-o", `${manifest}.out`],
  ], root);
}

/** SWarp as the 7DT pipeline calls it, on the grid of gppy's stack. */
async function runSwarp(frames: readonly Frame[], grid: string, folder: string): Promise<Run> {
  using image = await openImage(grid);
  const { header, width, height } = image;
  const [ra, dec] = [header.requireNumber("CRVAL1"), header.requireNumber("CRVAL2")];
  return await timed("SWarp", [
    ...frames.map((frame) => frame.image),
    ...["-c", resolve("config/defaults/7dt.swarp"), "-IMAGEOUT_NAME", join(folder, "swarp.fits")],
    ...["-WEIGHTOUT_NAME", join(folder, "swarp.weight.fits"), "-RESAMPLE_DIR", folder],
    ...["-VMEM_DIR", folder, "-COMBINE_TYPE", "MEDIAN", "-RESAMPLING_TYPE", "LANCZOS3"],
    ...["-BACK_SIZE", "512", "-CENTER_TYPE", "MANUAL", "-CENTER", `${ra},${dec}`],
    ...["-IMAGE_SIZE", `${width},${height}`, "-PIXELSCALE_TYPE", "MANUAL"],
    ...["-PIXEL_SCALE", String(SCALE_ARCSEC), "-SUBTRACT_BACK", "Y", "-NTHREADS", "0"],
  ], folder);
}

async function findStack(work: string): Promise<string> {
  for await (const { name } of Deno.readDir(join(work, "stack"))) {
    if (name.endsWith(".com.fits")) return join(work, "stack", name);
  }
  throw new Error(`no stack in ${work}`);
}

/** Clipped mean and scatter of the difference, and the noise of both, where both have data. */
async function compare(native: string, swarp: string): Promise<string> {
  const [a, b] = [await readImage(native), await readImage(swarp)];
  const shape = `${a.width}×${a.height} and ${b.width}×${b.height} px`;
  if (a.width !== b.width || a.height !== b.height) return `sizes differ: ${shape}`;
  const both = (i: number) => a.data[i] !== 0 && b.data[i] !== 0;
  const sample = Array.from({ length: Math.floor(a.data.length / 29) }, (_, i) => i * 29)
    .filter(both);
  const difference = clippedStats(sample.map((i) => a.data[i]! - b.data[i]!));
  const noise = [a, b].map(({ data }) => clippedStats(sample.map((i) => data[i]!)).sigma);
  return `${shape}; gppy − SWarp ${difference.mean.toFixed(4)} ± ${difference.sigma.toFixed(4)} ` +
    `ADU; noise ${noise[0]!.toFixed(3)} and ${noise[1]!.toFixed(3)} ADU`;
}

const best = (runs: readonly Run[]) => Math.min(...runs.map(({ wallS }) => wallS));

function describe(name: string, { wallS, cpuS, peakMb }: Run): string {
  return `  ${name.padEnd(6)} ${wallS.toFixed(1).padStart(6)} s  ` +
    `${cpuS.toFixed(1).padStart(6)} CPU s  ${peakMb.toFixed(0).padStart(5)} MB`;
}

async function race(count: number, all: readonly Frame[], options: RaceOptions): Promise<void> {
  const frames = all.slice(0, count);
  const folder = join(options.out, `stack-${count}`);
  await Deno.mkdir(folder, { recursive: true });
  const manifest = join(folder, "frames.json");
  await writeManifest(manifest, frames, folder);
  const megabytes = (paths: readonly string[]) =>
    paths.reduce((sum, path) => sum + Deno.statSync(path).size, 0) / 1e6;
  const runs: { gppy: Run[]; swarp: Run[] } = { gppy: [], swarp: [] };
  print(`${count} frames of ${frames[0]!.width}×${frames[0]!.height} px:`);
  for (let round = 0; round < options.rounds; round++) {
    runs.gppy.push(await runGppy(manifest, options.site));
    print(describe("gppy", runs.gppy.at(-1)!));
    runs.swarp.push(await runSwarp(frames, await findStack(folder), folder));
    print(describe("SWarp", runs.swarp.at(-1)!));
  }
  const stack = await findStack(folder);
  const companions = ["mask", "weight"].map((kind) => stack.replace(/fits$/, `${kind}.fits`));
  const read = megabytes(frames.flatMap(({ image, mask }) => [image, mask]));
  const ratio = best(runs.swarp) / best(runs.gppy);
  print(`  gppy is ${ratio.toFixed(1)} times as fast (best of ${options.rounds} each)`);
  print(`  ${read.toFixed(0)} MB read, ${megabytes([stack, ...companions]).toFixed(0)} MB written`);
  print(`  ${await compare(stack, join(folder, "swarp.fits"))}`);
}

interface RaceOptions {
  readonly out: string;
  readonly site: string;
  readonly rounds: number;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      out: { type: "string", default: "out/bench_stack" },
      frames: { type: "string", default: "3,9" },
      rounds: { type: "string", default: "2" },
      size: { type: "string", default: "9576x6388" },
    },
  });
  const counts = values.frames.split(",").map(Number);
  const out = resolve(values.out);
  const night = join(out, "night");
  await simulate(night, values.size, Math.max(...counts));
  const folder = join(out, "frames");
  await Deno.mkdir(folder, { recursive: true });
  const frames: Frame[] = [];
  for (const raw of await lightsOf(night)) frames.push(await calibrate(raw, night, folder));
  const site = join(night, "site");
  for (const count of counts) {
    await race(count, frames, { out, site, rounds: Number(values.rounds) });
  }
}
