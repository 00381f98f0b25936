/**
 * Cosmic rays in a full frame: gppy beside astroscrappy, and both beside the truth.
 *
 * @module
 */

import { join } from "node:path";
import { note } from "../../cli/terminal.ts";
import { readImage, writeImage } from "../../fits/image.ts";
import { makeRayField } from "../../gpu/kernels/cosmic_rays/ray_field.ts";
import type { BenchOptions } from "../bench_peers.ts";
import { bytesOf, HEIGHT, WIDTH } from "./frames.ts";
import { devices, gppy, libraries, python } from "./programs.ts";
import { race, type Racer, tableOf } from "./race.ts";

/** Parameters of all programs; gain and read noise are those of the simulated frame. */
const RAYS = {
  ...{ gainEAdu: 0.8, readNoiseE: 5 },
  ...{ sigmaClip: 4.5, sigmaFraction: 0.3, contrast: 5, iterations: 4 },
} as const;

/** The peer's own default: faster, and not the method as published. */
const SEPARABLE = "astroscrappy, separable medians";

interface Truth {
  /** As of a `RayField`. */
  readonly pixels: Uint8Array;
  readonly stars: readonly number[];
}

/** Cleans the frame by each program and compares the masks with each other and with the truth. */
export async function raysRace(options: BenchOptions): Promise<string[]> {
  const input = join(options.folder, "rays.fits");
  const truth = await makeField(input);
  const output = join(options.folder, "rays");
  const masks = new Map<string, Uint8Array>();
  const racers = await racersOf(input, output);
  let bytes = bytesOf([input]);
  const results = await race(racers, {
    ...options,
    inputs: [input],
    async clear() {
      await Deno.remove(output, { recursive: true }).catch(() => {});
      await Deno.mkdir(output, { recursive: true });
    },
    async inspect(name) {
      const files = [...Deno.readDirSync(output)].map((file) => join(output, file.name));
      if (name === "gppy") bytes += bytesOf(files);
      const { data } = await readImage(files.find((file) => file.endsWith(".mask.fits"))!);
      masks.set(name, Uint8Array.from(data, (value) => value > 0 ? 1 : 0));
    },
  });
  const parameters = Object.entries(RAYS).map(([name, value]) => `${name} ${value}`).join(", ");
  const lines = [`${parameters}.`, "", ...tableOf(results, bytes), ""];
  for (const [name, mask] of masks) lines.push(`- ${name}: ${judge(mask, truth)}`);
  const [own, peer] = [masks.get("gppy")!, masks.get("astroscrappy")];
  if (peer !== undefined) lines.push("", agreement(own, peer));
  return lines;
}

async function racersOf(input: string, output: string): Promise<Racer[]> {
  const racers: Racer[] = (await devices()).map((device) => ({
    name: device === "cpu" ? "gppy" : `gppy on ${device}`,
    command: gppy("rays_gppy.ts", device, JSON.stringify(RAYS), input, output),
  }));
  for (const library of await libraries("astroscrappy")) {
    for (const separable of [false, true]) {
      const command = python("rays.py", JSON.stringify({ ...RAYS, separable }), input, output);
      racers.push({ name: separable ? SEPARABLE : library, command, slow: true });
    }
  }
  return racers;
}

/** Makes the frame, without bad pixels, and what is true of it. */
async function makeField(path: string): Promise<Truth> {
  const truthPath = path.replace(".fits", ".truth.fits");
  const starsPath = path.replace(".fits", ".stars.json");
  const present = await Deno.stat(starsPath).then(() => true, () => false);
  if (present) {
    const { data } = await readImage(truthPath);
    const stars = JSON.parse(await Deno.readTextFile(starsPath));
    return { pixels: Uint8Array.from(data), stars };
  }
  note("simulating a frame with stars and rays");
  const { values, mask, truth, stars } = makeRayField(WIDTH, HEIGHT, 7);
  for (let i = 1; i < values.length; i++) if (mask[i] !== 0) values[i] = values[i - 1]!;
  const size = { width: WIDTH, height: HEIGHT };
  await writeImage(path, { ...size, data: values });
  await writeImage(truthPath, { ...size, data: truth }, { bitpix: 8 });
  await Deno.writeTextFile(starsPath, JSON.stringify(stars));
  return { pixels: truth, stars };
}

const percent = (part: number, whole: number) => `${(100 * part / whole).toFixed(2)} %`;

/** Rays found, and stars that no ray struck but that were touched. */
function judge(mask: Uint8Array, { pixels, stars }: Truth): string {
  let [rays, found] = [0, 0];
  for (let i = 0; i < mask.length; i++) {
    if (pixels[i] !== 1) continue;
    rays++;
    found += mask[i]!;
  }
  let [whole, touched] = [0, 0];
  for (const star of stars) {
    const core = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => star + dy * WIDTH + dx))
      .filter((i) => pixels[i]! >= 2);
    if (core.some((i) => pixels[i] === 3)) continue;
    whole++;
    if (core.some((i) => mask[i] === 1)) touched++;
  }
  return `${percent(found, rays)} of ${rays} pixels of rays found; ` +
    `${percent(touched, whole)} of ${whole} stars touched in their core`;
}

/** How far two masks agree on the pixels that either marks. */
function agreement(own: Uint8Array, peer: Uint8Array): string {
  let [either, both] = [0, 0];
  for (let i = 0; i < own.length; i++) {
    if ((own[i]! | peer[i]!) === 0) continue;
    either++;
    both += own[i]! & peer[i]!;
  }
  return `gppy and astroscrappy agree on ${percent(both, either)} of the ${either} pixels ` +
    "that either marks.";
}
