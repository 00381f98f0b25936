/**
 * Mask planes: what is wrong with a pixel, one bit a reason.
 *
 * The names are those of the LSST stack. A mask is a uint16 image, row-major like
 * its image; 0 means nothing is wrong. In a file each plane has its `MP_<NAME>` card.
 *
 * @module
 */

import { DataError } from "../config/errors.ts";
import { FitsHeader } from "../fits/header.ts";
import { readImage, writeImage } from "../fits/image.ts";

/** The planes and their bit numbers. */
export const MASK_PLANES = {
  /** Defective pixel: hot, dead, bad column, no flat. */
  BAD: 0,
  /** At or above saturation. */
  SAT: 1,
  /** Value replaced by interpolation. */
  INTRP: 2,
  /** Hit by a cosmic ray. */
  CR: 3,
  /** Too near the edge for a full kernel. */
  EDGE: 4,
  /** Part of a source. */
  DETECTED: 5,
  /** Part of a negative source of a difference image. */
  DETECTED_NEGATIVE: 6,
  /** Doubtful, e.g. not linear. */
  SUSPECT: 7,
  /** No data at all. */
  NO_DATA: 8,
  /** Some input was rejected when frames were combined. */
  CLIPPED: 9,
  /** Trail of a satellite or aeroplane. */
  STREAK: 10,
  /** Some input was left out because of its mask when frames were combined. */
  REJECTED: 11,
  /** The PSF of the stack does not hold here. */
  INEXACT_PSF: 12,
  /** The edge of an input's detector runs through here. */
  SENSOR_EDGE: 13,
  /** Shine of a saturated pixel of another amplifier: how much of it is left is not known. */
  CROSSTALK: 14,
} as const;

/** The name of a mask plane. */
export type PlaneName = keyof typeof MASK_PLANES;

/** All plane names in the order of their bits. */
export const PLANE_NAMES: readonly PlaneName[] = Object.keys(MASK_PLANES) as PlaneName[];

/** A mask and its size. */
export interface Mask {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** `[height, width]` row-major, one bit a plane, 0 for a good pixel. */
  readonly data: Uint16Array;
}

/**
 * Gives the value of one or more planes.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * assert.equal(bit("BAD", "CR"), 9);
 * ```
 *
 * @param names Planes.
 * @returns Their bits, joined.
 */
export function bit(...names: readonly PlaneName[]): number {
  return names.reduce((bits, name) => bits | (1 << MASK_PLANES[name]), 0);
}

/**
 * Planes that make a pixel unfit to be measured.
 *
 * CROSSTALK is one of them: the light above saturation that shines onto the other amplifiers is not
 * known, so that what is left of it after the correction looks like a new source.
 */
export const UNUSABLE: number = bit(
  ...["BAD", "SAT", "CR", "EDGE", "NO_DATA", "STREAK", "CROSSTALK"] as const,
);

/**
 * Drops the plane STREAK where a stack has left the streak out (CLIPPED): the value is that of the
 * other frames.
 *
 * @param value A pixel of a mask.
 * @returns The planes that are left.
 */
export function withoutClippedStreak(value: number): number {
  return (value & CLIPPED_STREAK) === CLIPPED_STREAK ? value & ~STREAK : value;
}

const STREAK = bit("STREAK");
const CLIPPED_STREAK = bit("STREAK", "CLIPPED");

/**
 * Names the planes that are set in a mask value.
 *
 * @param value A pixel of a mask.
 * @returns Names in the order of their bits.
 */
export function planesOf(value: number): PlaneName[] {
  return PLANE_NAMES.filter((name) => (value & bit(name)) !== 0);
}

/**
 * Counts the pixels of a mask that have any of some bits.
 *
 * @param data Mask.
 * @param bits Bits to look for.
 * @returns How many pixels have at least one of them.
 */
export function countMasked(data: Uint16Array, bits: number): number {
  let count = 0;
  for (let i = 0; i < data.length; i++) if ((data[i]! & bits) !== 0) count++;
  return count;
}

/**
 * Puts the `MP_<NAME>` cards of all planes into a header.
 *
 * @param header Changed in place.
 * @returns The same header.
 */
export function setPlaneCards(header: FitsHeader): FitsHeader {
  for (const name of PLANE_NAMES) header.set(`MP_${name}`, MASK_PLANES[name]);
  return header;
}

/**
 * Reads a mask; bits are moved where the file's `MP_` cards number a plane otherwise.
 *
 * @param path FITS file of whole numbers.
 * @returns The mask with the bits of {@linkcode MASK_PLANES}; planes of unknown names
 *   become SUSPECT.
 * @throws {DataError} If a pixel is not a whole number from 0 to 65535.
 */
export async function readMask(path: string): Promise<Mask & { readonly header: FitsHeader }> {
  const { width, height, data: pixels, header } = await readImage(path);
  const data = new Uint16Array(pixels.length);
  for (let i = 0; i < pixels.length; i++) {
    const value = pixels[i]!;
    data[i] = value;
    if (data[i] !== value) {
      throw new DataError(`Cannot read mask "${path}": pixel value ${value}`, {
        details: { file: path, x: i % width, y: Math.floor(i / width) },
      });
    }
  }
  const table = bitTable(header);
  if (table !== undefined) {
    for (let i = 0; i < data.length; i++) if (data[i] !== 0) data[i] = table[data[i]!]!;
  }
  return { width, height, data, header };
}

/**
 * What values of a mask's file mean, where its `MP_` cards number planes otherwise.
 *
 * @param header Of the mask.
 * @returns `[65536]`: the value by ours for each of the file; undefined when its planes are ours.
 */
export function bitTable(header: FitsHeader): Uint16Array | undefined {
  const target = new Array<number>(16).fill(-1);
  for (const { keyword } of header.cards) {
    const name = /^(?:HIERARCH\s+)?MP_(\w+)$/.exec(keyword)?.[1];
    const from = name === undefined ? undefined : header.number(keyword);
    if (name === undefined || from === undefined || from < 0 || from > 15) continue;
    const known = PLANE_NAMES.find((plane) => plane === name) ?? "SUSPECT";
    target[from] = MASK_PLANES[known];
  }
  if (target.every((to, from) => to === -1 || to === from)) return undefined;
  const table = new Uint16Array(65536);
  for (let value = 0; value < 65536; value++) {
    for (let from = 0; from < 16; from++) {
      const to = target[from]!;
      if ((value >> from) & 1) table[value]! |= 1 << (to === -1 ? from : to);
    }
  }
  return table;
}

/**
 * Writes a mask as 16-bit FITS with its `MP_<NAME>` cards.
 *
 * @param path Where to; written beside and renamed.
 * @param mask The mask; `header` may bring a WCS and more.
 */
export async function writeMask(
  path: string,
  mask: Mask & { readonly header?: FitsHeader },
): Promise<void> {
  const header = setPlaneCards(mask.header?.clone() ?? FitsHeader.from({}));
  for (const card of ["BUNIT", "BLANK", "DATAMIN", "DATAMAX"]) header.delete(card);
  await writeImage(path, { width: mask.width, height: mask.height, data: mask.data, header });
}

/**
 * Spreads planes to all pixels within a radius of where they are set.
 *
 * @param mask Not changed.
 * @param bits The planes to spread; others stay as they are.
 * @param radiusPx Radius of the disc.
 * @returns A new mask.
 */
export function growMask(mask: Mask, bits: number, radiusPx: number): Mask {
  const { width, height, data } = mask;
  const grown = data.slice();
  const reach = Math.floor(radiusPx);
  const halfWidths = Array.from(
    { length: 2 * reach + 1 },
    (_, i) => Math.floor(Math.sqrt(Math.max(0, radiusPx ** 2 - (i - reach) ** 2))),
  );
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = data[y * width + x]! & bits;
      if (value === 0 || surrounded(mask, x, y, value)) continue;
      for (let dy = -reach; dy <= reach; dy++) {
        const row = y + dy;
        if (row < 0 || row >= height) continue;
        const half = halfWidths[dy + reach]!;
        const end = Math.min(width - 1, x + half);
        for (let col = Math.max(0, x - half); col <= end; col++) grown[row * width + col]! |= value;
      }
    }
  }
  return { width, height, data: grown };
}

/** Whether all four neighbours have the same bits, so that the disc adds nothing. */
function surrounded({ width, height, data }: Mask, x: number, y: number, value: number): boolean {
  const i = y * width + x;
  return (x === 0 || (data[i - 1]! & value) === value) &&
    (x === width - 1 || (data[i + 1]! & value) === value) &&
    (y === 0 || (data[i - width]! & value) === value) &&
    (y === height - 1 || (data[i + width]! & value) === value);
}
