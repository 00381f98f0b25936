/**
 * One exposure of the camera: electrons become noisy, saturated numbers in a raw FITS file.
 *
 * @module
 */

import { createImage } from "../fits/image.ts";
import type { FitsHeader } from "../fits/header.ts";
import { type BleedColumn, bleedColumns, type ChargeDrop, cosmicRays } from "./defects.ts";
import { CONVERTER_MAX, type Detector, FULL_WELL_E } from "./detector.ts";
import type { PointList, PsfField } from "./profile.ts";
import { RandomStream } from "./random.ts";
import { STRIP_ROWS, StripIndex } from "./render.ts";

/** What falls on the camera and how it is read. */
export interface Exposure {
  /** Time that dark current gathers. */
  readonly exposureS: number;
  /** Filter whose dust and vignetting apply. */
  readonly filter: string;
  /** Electrons a pixel from the sky or the flat-field lamp before the response; 0 in the dark. */
  readonly skyE: number;
  /** Relative change of the sky from the centre to the right and to the upper edge. */
  readonly skyGradient: readonly [number, number];
  /** Sources, or null with a closed shutter. */
  readonly sources: { readonly points: PointList; readonly psf: PsfField } | null;
  /** Cosmic rays on the frame, expected number. */
  readonly cosmicCount: number;
  /** Drift of the bias level, ADU. */
  readonly biasDriftAdu: number;
  /** Dark current over that at the nominal temperature. */
  readonly darkFactor: number;
  /** Names the frame's noise. */
  readonly noiseKeys: readonly number[];
}

/** Purposes of the random streams of one frame. */
const NOISE = { pixels: 1, cosmics: 2 } as const;

/** Working rows of one frame. */
interface Rows {
  readonly bias: Float32Array;
  readonly dark: Float32Array;
  readonly response: Float32Array;
}

/**
 * Exposes and reads out one raw frame into a FITS file of unsigned 16-bit integers.
 *
 * @param path The file to write.
 * @param detector The camera.
 * @param exposure What falls on it.
 * @param header Cards of the frame.
 */
export async function writeRawFrame(
  path: string,
  detector: Detector,
  exposure: Exposure,
  header: FitsHeader,
): Promise<void> {
  const { width, height } = detector;
  await using writer = await createImage(path, {
    width,
    height,
    header,
    bitpix: 16,
    bzero: 32768,
  });
  for (const counts of rawStrips(detector, exposure)) await writer.writeRows(counts);
  await writer.finish();
}

/**
 * The rows of a raw frame, ADU, strip by strip. The array is used again for the next strip.
 *
 * @param detector The camera.
 * @param exposure What falls on it.
 * @returns Strips of {@linkcode STRIP_ROWS} rows, the last one may be shorter.
 */
export function* rawStrips(detector: Detector, exposure: Exposure): Generator<Uint16Array> {
  const { width, height } = detector;
  const { sources } = exposure;
  const electrons = new Float32Array(width * STRIP_ROWS);
  const counts = new Uint16Array(width * STRIP_ROWS);
  const rows: Rows = {
    bias: new Float32Array(width),
    dark: new Float32Array(width),
    response: new Float32Array(width),
  };
  const index = sources && new StripIndex(sources.points, sources.psf);
  const bleeds = sources ? bleedColumns(sources.points, sources.psf, FULL_WELL_E) : [];
  const cosmicStream = new RandomStream(...exposure.noiseKeys, NOISE.cosmics);
  const drops = cosmicRays(cosmicStream, exposure.cosmicCount, width, height);
  for (let y0 = 0; y0 < height; y0 += STRIP_ROWS) {
    const count = Math.min(STRIP_ROWS, height - y0);
    electrons.fill(0);
    index?.stampInto({ data: electrons, width, y0, rows: count });
    for (let row = 0; row < count; row++) {
      const line = electrons.subarray(row * width, (row + 1) * width);
      illuminate(line, y0 + row, detector, exposure, rows);
      overflow(line, y0 + row, bleeds);
      const out = counts.subarray(row * width, (row + 1) * width);
      readOut(line, y0 + row, { detector, exposure, rows, drops, out });
    }
    yield counts.subarray(0, count * width);
  }
}

/** Adds the sky, applies the response, adds the dark current: expected electrons of one row. */
function illuminate(
  line: Float32Array,
  y: number,
  detector: Detector,
  exposure: Exposure,
  rows: Rows,
): void {
  const { exposureS, skyE, skyGradient: [gradientX, gradientY] } = exposure;
  detector.darkRow(y, rows.dark);
  const lit = skyE > 0 || exposure.sources !== null;
  if (lit) detector.responseRow(y, exposure.filter, rows.response);
  const v = 1 + gradientY * (2 * y / detector.height - 1);
  const darkS = exposureS * exposure.darkFactor;
  for (let x = 0; x < line.length; x++) {
    const dark = rows.dark[x]! * darkS;
    const sky = skyE * (v + gradientX * (2 * x / line.length - 1));
    line[x] = lit ? (line[x]! + sky) * rows.response[x]! + dark : dark;
  }
}

function overflow(line: Float32Array, y: number, bleeds: readonly BleedColumn[]): void {
  for (const { x, from, to } of bleeds) {
    if (y >= from && y <= to) line[x] = Math.max(line[x]!, FULL_WELL_E);
  }
}

/** Photon noise, cosmic rays, read noise, gain, bias and the limits of well and converter. */
function readOut(
  line: Float32Array,
  y: number,
  frame: {
    detector: Detector;
    exposure: Exposure;
    rows: Rows;
    drops: ReadonlyMap<number, readonly ChargeDrop[]>;
    out: Uint16Array;
  },
): void {
  const { detector, exposure, rows, out } = frame;
  const random = new RandomStream(...exposure.noiseKeys, NOISE.pixels, y);
  for (let x = 0; x < line.length; x++) line[x] = random.poisson(line[x]!);
  for (const { x, electrons } of frame.drops.get(y) ?? []) line[x]! += electrons;
  detector.biasRow(y, rows.bias);
  const adu = 1 / detector.gainEAdu, noise = detector.readNoiseE, drift = exposure.biasDriftAdu;
  for (let x = 0; x < line.length; x++) {
    const charge = Math.min(line[x]!, FULL_WELL_E) + noise * random.normal();
    const value = Math.round(rows.bias[x]! + drift + charge * adu);
    out[x] = value < 0 ? 0 : value > CONVERTER_MAX ? CONVERTER_MAX : value;
  }
}
