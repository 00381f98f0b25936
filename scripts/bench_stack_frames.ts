/**
 * Full-size simulated frames as `bench_stack` needs them: calibrated, with their true WCS and a mask.
 *
 * @module
 */

import { basename, join } from "node:path";
import { note } from "../cli/terminal.ts";
import { FitsHeader } from "../fits/header.ts";
import { createImage, openImage } from "../fits/image.ts";
import { bit, setPlaneCards } from "../sky/mask.ts";
import { isoToMjd } from "../sky/time.ts";
import { MANIFEST_VERSION, type Product } from "../stages/manifest.ts";

const FILTER = "m600";
const OBJECT = "T09614";
/** Level of the simulated detector without light, ADU. */
const BIAS_ADU = 500;
const SATURATION_ADU = 60_000;
const STRIP_ROWS = 512;
const NO_DIGEST = "0".repeat(64);

/** A frame on disk. */
export interface Frame {
  readonly id: string;
  readonly image: string;
  readonly mask: string;
  readonly mjd: number;
  readonly width: number;
  readonly height: number;
}

/** Frames, and the site that they are from. */
export interface Night {
  readonly frames: readonly Frame[];
  /** Folder of its configuration. */
  readonly site: string;
  /** File of what is in the sky. */
  readonly truth: string;
}

/**
 * Simulates a night of dithered frames, unless it is there with as many.
 *
 * @param folder Where to.
 * @param options Size as `9576x6388`, and how many frames.
 * @returns The frames.
 */
export async function makeNight(
  folder: string,
  options: { readonly size: string; readonly frames: number },
): Promise<Night> {
  const night = join(folder, options.size, "night");
  const truth = join(night, "truth.csv");
  if (!await hasFrames(night, truth, options.frames)) {
    await Deno.remove(join(folder, options.size), { recursive: true }).catch(() => undefined);
    await simulate(night, options);
  }
  const calibrated = join(folder, options.size, "frames");
  await Deno.mkdir(calibrated, { recursive: true });
  const frames: Frame[] = [];
  for (const raw of await lightsOf(night)) frames.push(await calibrate(raw, night, calibrated));
  return { frames, site: join(night, "site"), truth };
}

/** Whether a night was made to its end, with so many frames at least. */
async function hasFrames(night: string, truth: string, wanted: number): Promise<boolean> {
  if (!await Deno.stat(truth).catch(() => undefined)) return false;
  return (await lightsOf(night)).length >= wanted;
}

async function simulate(
  out: string,
  { size, frames }: { readonly size: string; readonly frames: number },
): Promise<void> {
  note(`simulating ${frames} frames of ${size} px in ${out}`);
  const { success, stderr } = await new Deno.Command("scripts/gppy", {
    args: [
      ...["simulate", "--out", out, "--size", size],
      ...["--filters", FILTER, "--object", OBJECT, "--lights", String(frames), "--no-bias"],
      ...["--no-darks", "--no-flats", FILTER, "--no-reference", "--transients", "0"],
      ...["--fading", "0", "-q"],
    ],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).slice(-3000));
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

/**
 * Writes the manifest of some frames.
 *
 * @param path Where to.
 * @param frames Those that go into the stack.
 * @param work Folder of the stages.
 */
export async function writeManifest(
  path: string,
  frames: readonly Frame[],
  work: string,
): Promise<void> {
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

/**
 * Links to a few frames under new names, as if there were many.
 *
 * @param frames The frames.
 * @param count How many are wanted.
 * @param folder Where to.
 */
export async function multiply(
  frames: readonly Frame[],
  count: number,
  folder: string,
): Promise<Frame[]> {
  await Deno.remove(folder, { recursive: true }).catch(() => undefined);
  await Deno.mkdir(folder, { recursive: true });
  const links: Frame[] = [];
  for (let i = 0; i < count; i++) {
    const frame = frames[i % frames.length]!;
    const id = `${frame.id}_${String(i).padStart(3, "0")}`;
    const [image, mask] = [join(folder, `${id}.fits`), join(folder, `${id}.mask.fits`)];
    await Deno.symlink(frame.image, image);
    await Deno.symlink(frame.mask, mask);
    links.push({ ...frame, id, image, mask });
  }
  return links;
}
