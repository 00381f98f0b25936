/**
 * The header of a stack.
 *
 * @module
 */

import { FitsHeader } from "../../../fits/header.ts";
import { mjdToIso } from "../../../sky/time.ts";
import { setWcs } from "../../../sky/wcs.ts";
import type { FrameArtefacts } from "../combine/artefacts.ts";
import type { StackFrame } from "../frames/frames.ts";
import type { Grid } from "../frames/grid.ts";
import { stackNoise } from "../noise/noise.ts";
import { pixelMethod, type StackMethod } from "../stack_params.ts";

/** Cards of the first frame that hold for the stack too. */
const KEPT = [
  ...["OBJECT", "FILTER", "UNIT", "TELESCOP", "INSTRUME", "OBSERVER", "OBSERVAT", "IMAGETYP"],
  ...["XBINNING", "YBINNING", "GAIN", "CCD-TEMP", "SITELAT", "SITELONG", "FLATNAME", "BIASNAME"],
  ...["DARKNAME", "OBJCTRA", "OBJCTDEC", "OBJCTROT", "RA", "DEC", "PIERSIDE", "SITEELEV", "FWHEEL"],
  ...["XPIXSZ", "YPIXSZ", "SET-TEMP", "FOCALLEN", "FOCRATIO", "FOCNAME", "FOCPOS", "ROWORDER"],
];

/** Angles whose mean goes into the stack where every frame has them. */
const MEAN_ANGLES = [["CENTALT", "mean altitude"], ["CENTAZ", "mean azimuth"]] as const;

/** Julian date of MJD 0. */
const JD_OF_MJD = 2400000.5;

/** How a stack was made. */
export interface StackRecord {
  readonly id: string;
  readonly engine: "native" | "swarp";
  readonly method: StackMethod;
  readonly kernel: string;
  readonly background: string;
  /** `[frames]`, shares in a mean. */
  readonly weights: readonly number[];
  /** Inputs that were left out, and why. */
  readonly left: readonly { readonly id: string; readonly reason: string }[];
  /** `[frames]`, what was left out of each. */
  readonly artefacts?: readonly FrameArtefacts[] | undefined;
}

/** When the light of a stack was taken. */
export interface StackTimes {
  /** Mean of the starts of its frames, UTC, days. */
  readonly mjd: number;
  readonly dateObs: string;
  /** Sum of the exposures. */
  readonly exposureS: number;
  /** Start of the first frame. */
  readonly startMjd: number;
  /** End of the last frame. */
  readonly endMjd: number;
}

/** Works out the times of a stack. */
export function stackTimes(frames: readonly StackFrame[]): StackTimes {
  const starts = frames.map(({ product }) => product.mjd ?? 0);
  const exposures = frames.map(({ product }) => product.exposureS ?? 0);
  // days are summed from the first one, so that no digit is lost
  const first = Math.min(...starts);
  const mjd = first + starts.reduce((sum, start) => sum + start - first, 0) / starts.length;
  return {
    mjd,
    dateObs: mjdToIso(mjd),
    exposureS: exposures.reduce((sum, exposure) => sum + exposure, 0),
    startMjd: first,
    endMjd: Math.max(...starts.map((start, i) => start + exposures[i]! / 86400)),
  };
}

/**
 * Makes the header of a stack.
 *
 * @param frames Its frames.
 * @param grid Its grid.
 * @param record How it was made.
 * @returns The header with WCS, times, noise and inputs. NOISEADU and NOISCORR are filled in when it is written.
 */
export function stackHeader(
  frames: readonly StackFrame[],
  grid: Grid,
  record: StackRecord,
): FitsHeader {
  const first = frames[0]!.header;
  const header = FitsHeader.from({});
  for (const keyword of KEPT) {
    const value = first.get(keyword);
    if (value !== undefined) header.set(keyword, value, first.comment(keyword));
  }
  setTimes(header, stackTimes(frames));
  const airmass = meanAirmass(frames);
  if (airmass !== undefined) {
    header.set("AIRMASS", airmass, "mean of the frames, by exposure");
  }
  for (const [keyword, comment] of MEAN_ANGLES) {
    const angle = meanAngleDeg(frames.map((frame) => frame.header.number(keyword)));
    if (angle !== undefined) header.set(keyword, angle, `[deg] ${comment}`);
  }
  setNoise(header, frames, record);
  setWcs(header, grid.wcs);
  header.set("BUNIT", "adu", "unit of the pixels");
  header.set("NCOMBINE", frames.length, "frames combined");
  header.set("NLEFTOUT", record.left.length, "inputs that were left out");
  header.set("COMBINE", record.method, "how they were combined");
  header.set("SCALEBY", frames[0]!.scaledBy, "what the flux scales of the frames are from");
  header.set("RESAMPLE", record.kernel, "interpolation");
  header.set("STACKENG", record.engine, "engine of the stack");
  return addInputs(header, frames, record);
}

function setTimes(header: FitsHeader, times: StackTimes): void {
  header.set("DATE-OBS", times.dateObs, "UTC, mean start of the frames");
  header.set("MJD-OBS", times.mjd, "[d] mean start of the frames");
  header.set("MJD", times.mjd, "[d] mean start of the frames");
  header.set("DATE-BEG", mjdToIso(times.startMjd), "UTC, start of the first frame");
  header.set("DATE-END", mjdToIso(times.endMjd), "UTC, end of the last frame");
  header.set("MJD-BEG", times.startMjd, "[d] start of the first frame");
  header.set("MJD-END", times.endMjd, "[d] end of the last frame");
  header.set("JD", times.mjd + JD_OF_MJD, "[d] mean start of the frames");
  header.set("EXPTIME", times.exposureS, "[s] sum of the exposures");
  header.set("EXPOSURE", times.exposureS, "[s] sum of the exposures");
}

/** Mean by exposure; undefined where that of a frame is not known. */
function meanAirmass(frames: readonly StackFrame[]): number | undefined {
  let sum = 0;
  let total = 0;
  for (const { airmass, product } of frames) {
    if (airmass === undefined) return undefined;
    const share = product.exposureS ?? 1;
    sum += share * airmass;
    total += share;
  }
  return total > 0 ? Number((sum / total).toFixed(5)) : undefined;
}

/** Mean of directions, which knows no seam at 0°; undefined where one is not known. */
function meanAngleDeg(angles: readonly (number | undefined)[]): number | undefined {
  let [x, y] = [0, 0];
  for (const angle of angles) {
    if (angle === undefined) return undefined;
    x += Math.cos(angle * Math.PI / 180);
    y += Math.sin(angle * Math.PI / 180);
  }
  const mean = Math.atan2(y, x) * 180 / Math.PI;
  return Number((mean < 0 && angles.some((angle) => angle! >= 0) ? mean + 360 : mean).toFixed(6));
}

function setNoise(header: FitsHeader, frames: readonly StackFrame[], record: StackRecord): void {
  const first = frames[0]!.header;
  const noise = stackNoise(
    frames.map(({ gainEAdu, readNoiseE, scale }, i) => ({
      gainEAdu,
      readNoiseE,
      scale,
      weight: record.weights[i]!,
    })),
    pixelMethod(record.method),
  );
  // a GAIN that is no setting of the camera must follow EGAIN
  if (header.number("GAIN") === first.number("EGAIN")) header.delete("GAIN");
  header.set("EGAIN", noise.gainEAdu, "[e-/ADU] gain of the stack");
  if (!header.has("GAIN")) header.set("GAIN", noise.gainEAdu, "[e-/ADU] gain of the stack");
  header.set("RDNOISE", noise.readNoiseE, "[e-] read noise of the stack");
  const levels = frames.map((frame) => saturationOf(frame, record.background));
  const saturation = Math.min(...levels);
  if (Number.isFinite(saturation)) header.set("SATURATE", saturation, "[adu] lowest of the frames");
  header.set("NOISEADU", 0, "[adu] noise of a pixel of empty sky");
  header.set("NOISCORR", 0, "noise in 8x8 px over independent pixels, 0: unknown");
}

function saturationOf(
  { saturationAdu, background, scale }: StackFrame,
  choice: string,
): number {
  return (saturationAdu - (choice === "none" ? 0 : background.globalLevel)) * scale;
}

function addInputs(
  header: FitsHeader,
  frames: readonly StackFrame[],
  record: StackRecord,
): FitsHeader {
  for (const [index, { product, scale }] of frames.entries()) {
    if (index >= 999) break; // IMAGE999 is the last card of this form
    const number = String(index + 1).padStart(3, "0");
    header.set(`IMAGE${number}`, `${product.id}.fits`);
    header.set(`SHA${number}`, product.sha256);
    header.set(`FSCL${number}`, scale, "factor on the flux of this frame");
  }
  header.addHistory(
    `gppy stack: ${record.method} of ${frames.length} frames, ${record.kernel}, background ` +
      `${record.background}, engine ${record.engine}`,
  );
  const total = record.weights.reduce((sum, weight) => sum + weight, 0);
  for (const [i, { product, scale, commonStars }] of frames.entries()) {
    const share = (record.weights[i]! / total).toFixed(4);
    const stars = commonStars === undefined ? "" : ` by ${commonStars} stars`;
    header.addHistory(`gppy stack: ${product.id} x ${scale.toFixed(5)}${stars}, share ${share}`);
  }
  for (const [i, { artefacts, spoilt }] of (record.artefacts ?? []).entries()) {
    const streaks = artefacts.filter(({ kind }) => kind === "streak").length;
    header.addHistory(
      `gppy stack: of ${frames[i]!.product.id} ${streaks} streaks and ` +
        `${artefacts.length - streaks} spots left out, ${spoilt.count} px`,
    );
  }
  for (const { id, reason } of record.left) {
    header.addHistory(`gppy stack: left out ${id}: ${reason}`);
  }
  return header;
}
