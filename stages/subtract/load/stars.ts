/**
 * Stars to measure the kernel by, from the catalogues of both images.
 *
 * @module
 */

import { matchPixels } from "../../../sky/match.ts";
import { UNUSABLE } from "../../../sky/mask.ts";
import { PlaneIndex } from "../../../sky/plane_index.ts";
import { median } from "../../../sky/stats.ts";
import type { BrightStar } from "../output/halos.ts";
import type { KernelStar } from "../pair.ts";

/** Sources of one image; arrays of one length. */
export interface SourceList {
  /** Column, px, 0 at the centre of the first pixel. */
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** ADU. */
  readonly flux: ArrayLike<number>;
  readonly fluxError: ArrayLike<number>;
  readonly fwhmPx: ArrayLike<number>;
  /** 1 − minor axis over major axis. */
  readonly ellipticity: ArrayLike<number>;
  /** Median of it over the stars, where a jump of the telescope may have drawn all of them out. */
  readonly typicalEllipticity?: number;
  /** Source Extractor's FLAGS. */
  readonly flags: ArrayLike<number>;
}

/** How stars are chosen. */
export interface StarOptions {
  readonly width: number;
  readonly height: number;
  /** Masks of both images, `[height, width]`. */
  readonly masks: readonly Uint16Array[];
  /** FWHM of the stars of both images, px. */
  readonly scienceFwhmPx: number;
  readonly referenceFwhmPx: number;
  readonly minSnr: number;
  readonly maxSnr: number;
  /** No more than so many stars, spread over the field. */
  readonly maxStars: number;
}

/** What came of the choice. */
export interface StarChoice {
  readonly stars: readonly KernelStar[];
  /** Sources that are in both catalogues. */
  readonly matched: number;
  /** Median flux ratio of the matched bright stars, science over reference. */
  readonly scale: number;
  /** Median offset of the reference's stars from the science frame's, px. */
  readonly offsetPx: readonly [number, number];
  /** Scatter of these offsets, px, of both axes together. */
  readonly scatterPx: number;
}

/** SExtractor: saturated, truncated, aperture or isophotal data incomplete. */
const DAMAGED = 4 | 8 | 16 | 32 | 64 | 128;

interface Pair {
  readonly i: number;
  readonly j: number;
  readonly snr: number;
  readonly ratio: number;
}

/**
 * Chooses stars found in both images: bright enough in both, neither damaged nor
 * masked in their core, of stellar width and of the common flux ratio, with no
 * rival of comparable flux near, and spread over the field.
 *
 * @param science Sources of the science frame.
 * @param reference Sources of the reference on the science grid.
 * @param options Limits.
 * @returns The stars, brightest first, and what the match tells of scale and registration.
 */
export function chooseStars(
  science: SourceList,
  reference: SourceList,
  options: StarOptions,
): StarChoice {
  const radius = Math.max(1.5, 0.5 * Math.max(options.scienceFwhmPx, options.referenceFwhmPx));
  const matches = matchPixels(science.x, science.y, reference.x, reference.y, radius);
  const pairs = matches
    .map(({ i, j }): Pair => ({
      i,
      j,
      snr: Math.min(
        science.flux[i]! / science.fluxError[i]!,
        reference.flux[j]! / reference.fluxError[j]!,
      ),
      ratio: science.flux[i]! / reference.flux[j]!,
    }))
    .filter(({ i, j, snr, ratio }) =>
      snr >= options.minSnr && ratio > 0 &&
      ((science.flags[i]! | reference.flags[j]!) & DAMAGED) === 0
    );
  const clean = pairs.filter(({ i, j }) =>
    looksStellar(science, i, options.scienceFwhmPx) &&
    looksStellar(reference, j, options.referenceFwhmPx) && isCoreGood(science, i, options)
  );
  const scale = median((clean.length >= 3 ? clean : pairs).map((pair) => pair.ratio));
  const steady = clean.filter((pair) => Math.abs(Math.log(pair.ratio / scale)) < 0.2);
  const wanted = steady.filter(({ snr }) => snr <= options.maxSnr);
  const candidates = wanted.length >= 10 ? wanted : steady;
  const isIsolated = isolationIn(science, options);
  const isolated = candidates.filter(({ i }) => isIsolated(i));
  const usable = isolated.length >= Math.min(10, candidates.length) ? isolated : candidates;
  const stars = spread(usable, science, options).map(({ i, snr, ratio }): KernelStar => ({
    x: science.x[i]!,
    y: science.y[i]!,
    snr,
    fluxRatio: ratio,
  }));
  return { stars, matched: matches.length, scale, ...registration(clean, science, reference) };
}

function looksStellar(list: SourceList, i: number, fwhmPx: number): boolean {
  const ratio = list.fwhmPx[i]! / fwhmPx;
  const longest = Math.max(0.4, (list.typicalEllipticity || 0) + 0.2);
  return ratio > 0.7 && ratio < 1.5 && !(list.ellipticity[i]! > longest);
}

function isCoreGood(science: SourceList, i: number, options: StarOptions): boolean {
  const { width, height } = options;
  const reach = Math.ceil(Math.max(options.scienceFwhmPx, options.referenceFwhmPx));
  const cx = Math.round(science.x[i]!), cy = Math.round(science.y[i]!);
  if (cx < reach || cy < reach || cx >= width - reach || cy >= height - reach) return false;
  for (let y = cy - reach; y <= cy + reach; y++) {
    for (let x = cx - reach; x <= cx + reach; x++) {
      for (const mask of options.masks) if (mask[y * width + x]! & UNUSABLE) return false;
    }
  }
  return true;
}

/** Tells whether no other source within two FWHM of one has a third of its flux. */
function isolationIn(science: SourceList, options: StarOptions): (i: number) => boolean {
  const reach = 2 * Math.max(options.scienceFwhmPx, options.referenceFwhmPx);
  const index = new PlaneIndex(science.x, science.y, reach);
  return (i) =>
    index.within(science.x[i]!, science.y[i]!).every((k) =>
      k === i || science.flux[k]! < science.flux[i]! / 3
    );
}

/** Takes the brightest of each square of the field in turn until enough are taken. */
function spread(pairs: readonly Pair[], science: SourceList, options: StarOptions): Pair[] {
  const side = Math.max(1, Math.round(Math.sqrt(options.maxStars / 3)));
  const cells = new Map<number, Pair[]>();
  for (const pair of [...pairs].sort((a, b) => b.snr - a.snr)) {
    const column = Math.floor((science.x[pair.i]! / options.width) * side);
    const row = Math.floor((science.y[pair.i]! / options.height) * side);
    const cell = row * side + column;
    cells.set(cell, [...cells.get(cell) ?? [], pair]);
  }
  const taken: Pair[] = [];
  for (let rank = 0; taken.length < options.maxStars; rank++) {
    const next = [...cells.values()].flatMap((cell) => cell.slice(rank, rank + 1));
    if (next.length === 0) break;
    next.sort((a, b) => b.snr - a.snr);
    taken.push(...next.slice(0, options.maxStars - taken.length));
  }
  return taken.sort((a, b) => b.snr - a.snr);
}

function registration(
  pairs: readonly Pair[],
  science: SourceList,
  reference: SourceList,
): Pick<StarChoice, "offsetPx" | "scatterPx"> {
  const dx = pairs.map(({ i, j }) => reference.x[j]! - science.x[i]!);
  const dy = pairs.map(({ i, j }) => reference.y[j]! - science.y[i]!);
  const [mx, my] = [median(dx), median(dy)];
  const away = pairs.map((_, k) => Math.hypot(dx[k]! - mx, dy[k]! - my));
  return { offsetPx: [mx, my], scatterPx: median(away) };
}

/** From this signal to noise on, wings beyond the kernel can be seen. */
const BRIGHT_SNR = 200;
const SATURATED = 4;

/**
 * The stars whose wings may show in a difference.
 *
 * @param science Sources of the science frame.
 * @returns In no order.
 */
export function brightStars(science: SourceList): BrightStar[] {
  return Array.from({ length: science.x.length }, (_, i) => i)
    .filter((i) => science.flux[i]! > BRIGHT_SNR * science.fluxError[i]!)
    .map((i) => ({
      x: science.x[i]!,
      y: science.y[i]!,
      flux: science.flux[i]!,
      isSaturated: (science.flags[i]! & SATURATED) !== 0,
    }));
}
