/**
 * The three files of a stack: image, mask and weight.
 *
 * @module
 */

import { join } from "node:path";
import { FitsHeader } from "../../fits/header.ts";
import { createImage, type ImageWriter } from "../../fits/image.ts";
import { setPlaneCards } from "../../sky/mask.ts";
import { clippedStats } from "../../sky/stats.ts";
import { setWcs } from "../../sky/wcs.ts";
import { PixelSample } from "../calib/strips.ts";
import type { StackStrip } from "./combine.ts";
import type { Grid } from "./grid.ts";
import { NoiseBlocks } from "./noise_blocks.ts";

/** Where the files of a stack lie. */
export interface StackPaths {
  readonly image: string;
  readonly mask: string;
  readonly weight: string;
}

/** The paths of a stack in a folder. */
export function stackPaths(folder: string, id: string): StackPaths {
  return {
    image: join(folder, `${id}.fits`),
    mask: join(folder, `${id}.mask.fits`),
    weight: join(folder, `${id}.weight.fits`),
  };
}

/** What was found while a stack was written. */
export interface StackStatistics {
  /** Clipped scatter of the pixels that have data, ADU. */
  readonly noiseAdu: number;
  /** Share of the pixels that have data. */
  readonly coverage: number;
  /** Noise in 8×8 px over that of independent pixels; NaN when too few are clean. */
  readonly noiseCorrelation: number;
}

/**
 * Writes a stack that comes in strips; nothing is left behind when it fails.
 *
 * @param paths Where to.
 * @param grid Size and map.
 * @param header Header of the image, with cards NOISEADU and NOISCORR to be filled in.
 * @param strips The stack, from its first row to its last.
 * @param onRows Told how many rows are done.
 * @returns Noise and coverage.
 */
export async function writeStack(
  paths: StackPaths,
  grid: Grid,
  header: FitsHeader,
  strips: AsyncIterable<StackStrip>,
  onRows: (rows: number) => void = () => {},
): Promise<StackStatistics> {
  const { width, height } = grid;
  const size = { width, height };
  await using image = await createImage(paths.image, { ...size, header });
  await using mask = await createImage(paths.mask, {
    ...size,
    header: setPlaneCards(companionHeader(header, grid, "MASK")),
    bitpix: 16,
    bzero: 32768,
  });
  await using weight = await createImage(paths.weight, {
    ...size,
    header: companionHeader(header, grid, "WEIGHT").set("BUNIT", "adu**(-2)", "inverse variance"),
  });
  const sample = new PixelSample(width * height);
  const blocks = new NoiseBlocks(width * height);
  let covered = 0;
  // a strip is written while the next one is made
  let writing: Promise<number> = Promise.resolve(0);
  for await (const strip of strips) {
    covered += await writing;
    onRows(strip.firstRow);
    blocks.add(strip.data, strip.mask, width);
    writing = writeStrip(strip, { image, mask, weight }, sample);
    writing.catch(() => undefined); // told where it is waited for
  }
  covered += await writing;
  const noiseAdu = clippedStats(sample.values).sigma;
  image.header.set("NOISEADU", Number.isFinite(noiseAdu) ? noiseAdu : 0);
  const noiseCorrelation = blocks.factor;
  if (Number.isFinite(noiseCorrelation)) image.header.set("NOISCORR", noiseCorrelation);
  await weight.finish();
  await mask.finish();
  await image.finish();
  return { noiseAdu, coverage: covered / (width * height), noiseCorrelation };
}

interface StackWriters {
  readonly image: ImageWriter;
  readonly mask: ImageWriter;
  readonly weight: ImageWriter;
}

async function writeStrip(
  strip: StackStrip,
  writers: StackWriters,
  sample: PixelSample,
): Promise<number> {
  const { encoded } = strip;
  if (encoded === undefined) {
    await writers.image.writeRows(strip.data);
    await writers.weight.writeRows(strip.weight);
  } else {
    await writers.image.writeRowBytes(encoded.data.raw, encoded.data.sum);
    await writers.weight.writeRowBytes(encoded.weight.raw, encoded.weight.sum);
  }
  await writers.mask.writeRows(strip.mask);
  let covered = 0;
  for (let i = 0; i < strip.data.length; i++) {
    if (strip.weight[i]! > 0) covered++;
    else strip.data[i] = NaN; // written already; does not count as sky
  }
  sample.add(strip.data as Float32Array);
  return covered;
}

function companionHeader(image: FitsHeader, grid: Grid, type: string): FitsHeader {
  const header = FitsHeader.from({ IMAGETYP: [type, "type of image"] });
  for (const keyword of ["OBJECT", "FILTER", "DATE-OBS", "EXPTIME"]) {
    const value = image.get(keyword);
    if (value !== undefined) header.set(keyword, value);
  }
  return setWcs(header, grid.wcs);
}
