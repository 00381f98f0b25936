/**
 * Lights reduced with bias, dark and flat: gppy, which also makes masks, beside other programs.
 *
 * @module
 */

import { join } from "node:path";
import { note } from "../../cli/terminal.ts";
import { measure } from "./race.ts";
import type { BenchOptions } from "../bench_peers.ts";
import { bytesOf, type LightNight, lightNight } from "./frames.ts";
import { ask, devices, gppy, libraries, python, ROOT } from "./programs.ts";
import { race, type Racer, tableOf } from "./race.ts";

const LIGHTS = 10;
/** Darks and lights have one exposure. */
const DARK_SCALE = "1";

interface Masters {
  readonly bias: string;
  readonly dark: string;
  readonly flat: string;
}

interface Agreement {
  /** Of pixels whose mask is empty, to numpy, relative to the value. */
  readonly relative: number;
  readonly pixels: number;
  readonly masked: number;
}

/** Reduces ten lights by each program and compares gppy's result with numpy's. */
export async function lightsRace(options: BenchOptions): Promise<string[]> {
  const base = join(options.folder, "night");
  const night = await lightNight(base, LIGHTS);
  const masters = await makeMasters(base, night);
  const inputs = filesIn(night.lights);
  const output = join(options.folder, "lights");
  let written = 0;
  const results = await race(await racersOf(base, masters, output, inputs), {
    ...options,
    inputs: [...inputs, ...Object.values(masters)],
    clear: () => emptyFolder(output),
    inspect: (name) => {
      if (name === "gppy") written = bytesOf(filesIn(output));
      return Promise.resolve();
    },
  });
  const agreement = await compare(base, masters, output, inputs[0]!);
  const read = bytesOf([...inputs, ...Object.values(masters)]);
  const { relative, masked, pixels } = agreement;
  return [
    ...tableOf(results, read + written),
    "",
    `gppy reads ${(read / 1e9).toFixed(2)} GB and writes ${
      (written / 1e9).toFixed(2)
    } GB (images, masks); ` +
    `the others write ${(inputs.length * 4 / 1e9 * bytesOf([inputs[0]!]) / 2).toFixed(2)} GB ` +
    "(no masks); GB/s is gppy's bytes over the time of each. `gppy calib` is the whole command, with the manifest, " +
    "SHA-256 of every file that goes in and comes out, and files flushed to disk.",
    "",
    `Of one light ${masked} of ${pixels} pixels have a bit in the mask; the others differ from ` +
    `numpy's in float64 by at most ${relative.toExponential(1)} of the larger of value and 1 ADU.`,
  ];
}

const filesIn = (folder: string) =>
  [...Deno.readDirSync(folder)].map(({ name }) => join(folder, name))
    .filter((path) => path.endsWith(".fits")).sort();

async function emptyFolder(folder: string): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
}

async function makeMasters(base: string, night: LightNight): Promise<Masters> {
  const tree = join(base, "master_frame_1x1_gain2750", "7DT07");
  const find = (type: string) =>
    filesIn(join(tree, type)).find((path) => !/\.(var|count)\.fits$/.test(path))!;
  const present = await Deno.stat(join(tree, "flat")).then(() => true, () => false);
  if (!present) {
    note("making masters");
    const work = join(base, "work");
    await measure({ name: "masters", command: calib(base, night.calibrations, work) });
    await Deno.remove(work, { recursive: true });
  }
  return { bias: find("zero"), dark: find("dark"), flat: find("flat") };
}

function calib(base: string, folder: string, work: string): string[] {
  return [
    ...[join(ROOT, "scripts", "gppy"), "calib", folder],
    ...["--base", base, "--work", work, "--unit", "7DT07", "--device", "cpu", "-q"],
    ...["-o", join(work, "calib.json")],
  ];
}

async function racersOf(
  base: string,
  masters: Masters,
  output: string,
  inputs: readonly string[],
): Promise<Racer[]> {
  const own = (device: string) =>
    gppy("lights_gppy.ts", device, base, "buffered", output, ...inputs);
  const racers: Racer[] = [{ name: "gppy", command: own("cpu") }];
  if ((await devices()).includes("webgpu")) {
    racers.push({ name: "gppy on webgpu", command: own("webgpu") });
  }
  racers.push({ name: "gppy calib", command: calib(base, join(inputs[0]!, ".."), output) });
  const paths = [masters.bias, masters.dark, masters.flat, DARK_SCALE, output];
  for (const library of await libraries("numpy", "numexpr", "ccdproc", "cupy")) {
    racers.push({ name: library, command: python("lights.py", library, ...paths, ...inputs) });
  }
  return racers;
}

async function compare(
  base: string,
  { bias, dark, flat }: Masters,
  output: string,
  input: string,
): Promise<Agreement> {
  await emptyFolder(output);
  const command = gppy("lights_gppy.ts", "cpu", base, "buffered", output, input);
  await measure({ name: "gppy", command });
  const image = filesIn(output).find((path) => !path.endsWith(".mask.fits"))!;
  const agreement = await ask<Agreement>("agree_light.py", input, bias, dark, flat, image);
  await Deno.remove(output, { recursive: true });
  return agreement;
}
