/**
 * From the sources of a difference image to candidates with all that the flags look at.
 *
 * @module
 */

import { openImage } from "../../fits/image.ts";
import type { Table } from "../../fits/table.ts";
import { UNUSABLE } from "../../sky/mask.ts";
import { matchPixels } from "../../sky/match.ts";
import { median } from "../../sky/stats.ts";
import { CIRCULAR_APERTURES } from "../phot/apertures.ts";
import type { SkyNoise } from "../phot/noise.ts";
import { autoAreasPx, magErrorOf, magOf } from "../phot/photometry.ts";
import { type Stencil, stencilOf } from "../phot/stencil.ts";
import type { Candidate, Sign } from "./candidate.ts";
import { type Cutout, readCutouts } from "./cutouts.ts";
import { apertureSum, dipoleRatio, fractionWhere, gaussianFwhmPx } from "./footprint.ts";
import type { DifferenceInputs } from "./inputs.ts";

/** What the extraction of a difference image gave. */
export interface Extraction {
  /** Sources of the difference. */
  readonly positive: Table;
  /** Sources of the inverted difference, in which what has faded shows as a source. */
  readonly negative: Table;
  /** The difference less its background. */
  readonly subtracted: string;
  readonly noise: SkyNoise;
  /** Diameters of the circular apertures, px. */
  readonly diametersPx: readonly number[];
}

/** Squares of all images around one source; undefined where there is no such image. */
interface Surroundings {
  /** With the sign with which the source is positive. */
  readonly difference: Cutout;
  readonly science: Cutout | undefined;
  readonly reference: Cutout | undefined;
  readonly mask: Cutout | undefined;
  readonly weight: Cutout | undefined;
}

/** The columns of the catalogue that candidates need, decoded once. */
interface CandidateColumns {
  readonly fluxAuto: Float64Array;
  /** `[rows, 6]`, flat. */
  readonly fluxAper: Float64Array;
  readonly ellipticity: Float64Array;
  readonly elongation: Float64Array;
  readonly autoAreaPx: Float64Array;
}

/** A negative source fainter than this part of the candidate is no twin of it. */
const TWIN_FLUX_RATIO = 0.3;
/** Radius, in units of the seeing, in which negative and positive signal are compared. */
const DIPOLE_RADIUS = 1.5;
/** Half the side of the cutouts, in units of the seeing; beyond `SKY_RADIUS` they show the sky. */
const CUTOUT_RADIUS = 3.5;
const SKY_RADIUS = 2;
/** Rows that the typical variance is taken from. */
const SAMPLED_ROWS = 200;

/**
 * Measures every source of one sign of a difference image.
 *
 * @param inputs The images.
 * @param extraction The sources.
 * @param options Which sign, and how many candidates there are already.
 * @returns Candidates in the order of the catalogue.
 */
export async function measureCandidates(
  inputs: DifferenceInputs,
  extraction: Extraction,
  options: { readonly sign: Sign; readonly after?: number },
): Promise<Candidate[]> {
  const { sign, after = 0 } = options;
  const { positive, negative } = extraction;
  const [sources, others] = sign === 1 ? [positive, negative] : [negative, positive];
  const x = sources.column("X_IMAGE").map((value) => value - 1);
  const y = sources.column("Y_IMAGE").map((value) => value - 1);
  const aperture = stencilOf(extraction.diametersPx[0] ?? 0);
  const twins = twinDistances({ x, y }, sources, others, 3 * inputs.seeingPx);
  const surroundings = await readSurroundings({ x, y }, inputs, extraction.subtracted, sign);
  const variances = surroundings.map(({ weight }) => apertureVariance(weight, aperture));
  const typicalVariance = await skyVariance(inputs.weight?.path) * aperture.areaPx;
  const columns = columnsOf(sources);
  return surroundings.map((around, i) => {
    const boost = (variances[i] ?? NaN) / typicalVariance;
    const noisier = Number.isFinite(boost) ? Math.sqrt(boost) : 1;
    return candidate(i, { x: x[i] ?? NaN, y: y[i] ?? NaN }, {
      ...{ inputs, extraction, columns, around, aperture, noisier, sign, after },
      negativeDistancePx: twins[i] ?? Infinity,
      autoAreaPx: columns.autoAreaPx[i] ?? NaN,
    });
  });
}

interface CandidateParts {
  readonly sign: Sign;
  /** Candidates numbered before. */
  readonly after: number;
  readonly inputs: DifferenceInputs;
  readonly extraction: Extraction;
  readonly columns: CandidateColumns;
  readonly around: Surroundings;
  readonly aperture: Stencil;
  /** How much noisier it is here than on empty sky, by the map of weights. */
  readonly noisier: number;
  readonly negativeDistancePx: number;
  readonly autoAreaPx: number;
}

function candidate(
  row: number,
  { x, y }: { readonly x: number; readonly y: number },
  parts: CandidateParts,
): Candidate {
  const { inputs, extraction, columns, around, aperture, sign } = parts;
  const [raDeg, decDeg] = inputs.wcs?.pixelToSky(x, y) ?? [NaN, NaN];
  const fluxAdu = fluxesOfRow(columns, row);
  const scienceAdu = localFlux(around.science, aperture, inputs.seeingPx);
  const fluxErrorAdu = fluxErrors(fluxAdu, scienceAdu, parts);
  const [flux, error] = [fluxAdu[1] ?? NaN, fluxErrorAdu[1] ?? NaN];
  return {
    ...{ number: parts.after + row + 1, sign, x, y, raDeg, decDeg, fluxAdu, fluxErrorAdu },
    snr: flux / error,
    fwhmPx: gaussianFwhmPx(
      around.difference,
      { x: x - around.difference.x, y: y - around.difference.y },
      inputs.seeingPx,
    ),
    ellipticity: columns.ellipticity[row] ?? NaN,
    elongation: columns.elongation[row] ?? NaN,
    negativeDistancePx: parts.negativeDistancePx,
    dipoleRatio: dipoleRatio(
      around.difference,
      extraction.noise.skySigmaAdu * parts.noisier,
      DIPOLE_RADIUS * inputs.seeingPx,
    ),
    maskedFraction: around.mask === undefined
      ? 0
      : fractionWhere(around.mask, aperture, (value) => (value & UNUSABLE) !== 0),
    referenceFraction: around.reference === undefined
      ? 1
      : fractionWhere(around.reference, aperture, (v) => Number.isFinite(v) && v !== 0),
    referenceContrast: contrast(flux, sign === 1 ? scienceAdu - flux : scienceAdu, error),
    ...apertureDifference(fluxAdu, fluxErrorAdu, inputs.starDifferenceMag),
  };
}

async function readSurroundings(
  { x, y }: Positions,
  inputs: DifferenceInputs,
  subtracted: string,
  sign: Sign,
): Promise<Surroundings[]> {
  const centres = Array.from(x, (value, i) => ({ x: value, y: y[i] ?? NaN }));
  const half = Math.ceil(CUTOUT_RADIUS * inputs.seeingPx) + 1;
  const cut = async (path: string | undefined): Promise<readonly (Cutout | undefined)[]> =>
    path === undefined ? [] : await readCutouts(path, centres, half);
  const difference = await readCutouts(subtracted, centres, half);
  const science = await cut(inputs.science?.path);
  const reference = await cut(inputs.reference?.path);
  const mask = await cut(inputs.mask?.path);
  const weight = await cut(inputs.weight?.path);
  return difference.map((cutout, i) => ({
    difference: sign === 1 ? cutout : { ...cutout, data: cutout.data.map((value) => -value) },
    science: science[i],
    reference: reference[i],
    mask: mask[i],
    weight: weight[i],
  }));
}

/** Places in an image, px. */
interface Positions {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/** Distance to the nearest source of the other sign that is not much fainter, px. */
function twinDistances(
  { x, y }: Positions,
  sources: Table,
  others: Table,
  radiusPx: number,
): Float64Array {
  const distances = new Float64Array(x.length).fill(Infinity);
  const otherX = others.column("X_IMAGE").map((value) => value - 1);
  const otherY = others.column("Y_IMAGE").map((value) => value - 1);
  // The smallest aperture: a larger one would hold part of the other sign.
  const count = CIRCULAR_APERTURES.length;
  const flux = sources.values("FLUX_APER");
  const otherFlux = others.values("FLUX_APER");
  for (const { i, j, distancePx } of matchPixels(x, y, otherX, otherY, radiusPx)) {
    const isTwin = (otherFlux[j * count] ?? NaN) > TWIN_FLUX_RATIO * (flux[i * count] ?? NaN);
    if (isTwin) distances[i] = distancePx;
  }
  return distances;
}

/** √(noise in such an aperture² + noise of the science image's own light there), ADU. */
function fluxErrors(
  fluxAdu: readonly number[],
  scienceAdu: number,
  parts: CandidateParts,
): number[] {
  const { noise } = parts.extraction;
  const { gain, weight } = parts.inputs;
  const light = Number.isFinite(scienceAdu) ? Math.max(0, scienceAdu) : 0;
  return fluxAdu.map((flux, a) => {
    const measured = a === 0
      ? noise.sigmaAdu(parts.autoAreaPx)
      : noise.apertureSigmaAdu[a - 1] ?? NaN;
    const most = parts.sign === 1 ? Math.max(flux, light) : Math.max(flux, 0) + light;
    const photons = weight === undefined && gain > 0 ? most / gain : 0;
    return Math.sqrt((measured * parts.noisier) ** 2 + photons);
  });
}

/** The change over the light that did not change; Infinity on empty sky. */
function contrast(fluxAdu: number, steadyAdu: number, errorAdu: number): number {
  return steadyAdu > 3 * errorAdu ? fluxAdu / steadyAdu : Infinity;
}

/** Flux of a cutout in an aperture above the sky around it, ADU; NaN without a cutout. */
function localFlux(cutout: Cutout | undefined, aperture: Stencil, seeingPx: number): number {
  if (cutout === undefined) return NaN;
  const half = (cutout.side - 1) / 2;
  const inner = (SKY_RADIUS * seeingPx) ** 2;
  const sky = cutout.data.filter((_, i) => {
    const dx = i % cutout.side - half;
    const dy = Math.floor(i / cutout.side) - half;
    return dx * dx + dy * dy > inner;
  });
  return apertureSum(cutout, aperture) - median(sky) * aperture.areaPx;
}

function apertureVariance(weight: Cutout | undefined, aperture: Stencil): number {
  if (weight === undefined) return NaN;
  const variance = { ...weight, data: weight.data.map((value) => value > 0 ? 1 / value : NaN) };
  return apertureSum(variance, aperture);
}

/** Median of the variance over the whole image, most of which is empty sky; NaN without a map. */
async function skyVariance(path: string | undefined): Promise<number> {
  if (path === undefined) return NaN;
  using reader = await openImage(path);
  const step = Math.max(1, Math.floor(reader.height / SAMPLED_ROWS));
  const variances: number[] = [];
  for (let row = Math.floor(step / 2); row < reader.height; row += step) {
    for (const weight of await reader.readRows(row, 1)) if (weight > 0) variances.push(1 / weight);
  }
  return median(variances);
}

function apertureDifference(
  fluxAdu: readonly number[],
  fluxErrorAdu: readonly number[],
  starDifferenceMag: number,
): Pick<Candidate, "apertureDifferenceMag" | "apertureDifferenceErrorMag"> {
  const [small, smallError] = [fluxAdu[1] ?? NaN, fluxErrorAdu[1] ?? NaN];
  const largeError = fluxErrorAdu[3] ?? NaN;
  const large = Math.max(fluxAdu[3] ?? NaN, largeError);
  return {
    apertureDifferenceMag: magOf(small) - magOf(large) - starDifferenceMag,
    apertureDifferenceErrorMag: Math.hypot(
      magErrorOf(small, smallError),
      magErrorOf(large, largeError),
    ),
  };
}

function columnsOf(table: Table): CandidateColumns {
  return {
    fluxAuto: table.column("FLUX_AUTO"),
    fluxAper: table.values("FLUX_APER"),
    ellipticity: table.column("ELLIPTICITY"),
    elongation: table.column("ELONGATION"),
    autoAreaPx: autoAreasPx(table),
  };
}

function fluxesOfRow(columns: CandidateColumns, row: number): number[] {
  const count = CIRCULAR_APERTURES.length;
  const circular = columns.fluxAper.subarray(row * count, (row + 1) * count);
  return [columns.fluxAuto[row] ?? NaN, ...circular];
}
