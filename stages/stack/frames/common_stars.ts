/**
 * The transparency of frames from the stars that they share.
 *
 * @module
 */

import { join } from "node:path";
import { nearestGaussMask } from "../../../config/gauss_conv.ts";
import { makeScratchFolder } from "../../../config/scratch_folder.ts";
import { readAsciiHead } from "../../../sky/catalogue.ts";
import { crossMatch } from "../../../sky/match.ts";
import { clippedStats } from "../../../sky/stats.ts";
import { extractSources } from "../../phot/extraction.ts";
import type { StageContext } from "../../stage.ts";
import { type FluxFactor, LEAST_STARS, type StarFactors } from "./flux_scale.ts";
import type { MeasuredFrame } from "./frames.ts";

/** Stars of one frame. */
export interface StarList {
  readonly raDeg: readonly number[];
  readonly decDeg: readonly number[];
  /** Instrumental magnitudes: −2.5 log10 of the counts. */
  readonly mag: readonly number[];
  /** Errors of these, mag. */
  readonly error: readonly number[];
}

/** Stars of at least this signal over noise are compared. */
const LEAST_SNR = 20;
/** So many are enough, the brightest. */
const MOST_STARS = 500;
/** A star lies within so many pixels of its place in the other frame. */
const MATCH_PX = 3;
/** Magnitude error of a star of signal over noise 1. */
const MAG_PER_NOISE = 2.5 / Math.LN10;

/**
 * Compares the stars of frames with those of the frame that has the most.
 *
 * The factor of a frame is the clipped mean of the differences of magnitude of the stars found in
 * both, unflagged and of signal over noise 20 at least.
 *
 * @param lists Stars of the frames.
 * @param radiusArcsec How near the places of a star must lie.
 * @returns Factors, 1 for the frame that the others are compared with; undefined for a frame that
 * shares fewer than 5 stars with it.
 */
export function compareStars(
  lists: readonly StarList[],
  radiusArcsec: number,
): (FluxFactor | undefined)[] {
  const anchor = lists.reduce((most, list) => list.mag.length > most.mag.length ? list : most);
  return lists.map((list) => {
    if (list === anchor) return { counts: 1, stars: list.mag.length };
    const differences = crossMatch(list, anchor, radiusArcsec)
      .map(({ i, j }) => anchor.mag[j]! - list.mag[i]!);
    if (differences.length < LEAST_STARS) return undefined;
    const { mean, kept } = clippedStats(differences);
    return { counts: 10 ** (0.4 * mean), stars: kept };
  });
}

/**
 * Measures how many counts a source of one flux gives in each frame.
 *
 * `auto` compares the frames' catalogues, where all have one; `stars` has Source Extractor make those
 * that are missing. What was found once is known from then on.
 *
 * @param context Catalogues and programs.
 * @returns The measurement.
 */
export function commonStars(context: StageContext): StarFactors {
  const known = new Map<string, StarList>();
  return async (frames, choice) => {
    const lists: StarList[] = [];
    for (const frame of frames) {
      const { id } = frame.product;
      const list = known.get(id) ?? await knownStars(frame, context) ??
        (choice === "stars" ? await findStars(frame, context) : undefined);
      if (list === undefined) return undefined;
      known.set(id, list);
      lists.push(list);
    }
    const scales = frames.map(({ wcs }) => wcs.pixelScaleArcsec);
    return compareStars(lists, MATCH_PX * Math.max(...scales));
  };
}

/** The stars of a frame's catalogue, as photometry writes it. */
async function knownStars(
  { product }: MeasuredFrame,
  context: StageContext,
): Promise<StarList | undefined> {
  const catalogue = context.companion(product.id, "catalogue");
  if (catalogue === undefined) return undefined;
  const table = await readAsciiHead(catalogue.path);
  const wanted = ["ALPHA_J2000", "DELTA_J2000", "MAG_AUTO", "MAGERR_AUTO", "FLAGS"];
  if (!wanted.every((name) => table.has(name))) return undefined;
  const [ra, dec, mag, error, flags] = wanted.map((name) => table.column(name));
  return brightest({ raDeg: ra!, decDeg: dec!, mag: mag!, error: error!, flags: flags! });
}

async function findStars(frame: MeasuredFrame, context: StageContext): Promise<StarList> {
  const scratch = makeScratchFolder(".stars-", context.folder);
  try {
    const pixelScaleArcsec = frame.wcs.pixelScaleArcsec;
    const { gainEAdu, saturationAdu } = frame;
    const table = await extractSources({
      tools: context.tools,
      image: frame.product.path,
      companions: {},
      config: context.site.file("7dt.sex"),
      filter: context.site.file(nearestGaussMask(3)),
      gain: gainEAdu,
      saturationAdu: Number.isFinite(saturationAdu) ? saturationAdu : 60_000,
      pixelScaleArcsec,
      detectThreshold: 5,
      detectMinArea: 5,
      backSizePx: 128,
    }, {
      catalogue: join(scratch, "stars.cat"),
      columns: ["X_IMAGE", "Y_IMAGE", "FLUX_AUTO", "FLUXERR_AUTO", "FLAGS"],
      seeingArcsec: 3 * pixelScaleArcsec,
    });
    const column = (name: string) => Array.from(table.column(name));
    const [x, y, flux] = [column("X_IMAGE"), column("Y_IMAGE"), column("FLUX_AUTO")];
    const places = x.map((one, i) => frame.wcs.pixelToSky(one - 1, y[i]! - 1));
    return brightest({
      raDeg: places.map(([ra]) => ra),
      decDeg: places.map(([, dec]) => dec),
      mag: flux.map((counts) => -2.5 * Math.log10(counts)),
      error: column("FLUXERR_AUTO").map((error, i) => MAG_PER_NOISE * error / flux[i]!),
      flags: column("FLAGS"),
    });
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

interface Sources {
  readonly raDeg: ArrayLike<number>;
  readonly decDeg: ArrayLike<number>;
  readonly mag: ArrayLike<number>;
  readonly error: ArrayLike<number>;
  readonly flags: ArrayLike<number>;
}

/** The brightest sources that are neither blended, nor saturated, nor faint. */
function brightest({ raDeg, decDeg, mag, error, flags }: Sources): StarList {
  const good = Array.from(mag, (_, i) => i)
    .filter((i) => flags[i] === 0 && Math.abs(mag[i]!) < 50)
    .filter((i) => error[i]! > 0 && error[i]! < MAG_PER_NOISE / LEAST_SNR)
    .sort((a, b) => mag[a]! - mag[b]!)
    .slice(0, MOST_STARS);
  const pick = (values: ArrayLike<number>) => good.map((i) => values[i]!);
  return { raDeg: pick(raDeg), decDeg: pick(decDeg), mag: pick(mag), error: pick(error) };
}
