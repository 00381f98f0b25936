/**
 * Regions of an image as cards give them: `[x1:x2,y1:y2]`, 1-based, ends included.
 *
 * @module
 */

/** A rectangle of pixels, 0-based, with the direction in which the card counts them. */
export interface Section {
  /** First column. */
  readonly x: number;
  /** First row. */
  readonly y: number;
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Whether the card counts columns downwards (`[1024:1,…]`). */
  readonly flipX: boolean;
  /** Whether the card counts rows downwards. */
  readonly flipY: boolean;
}

const FORM = /^\s*\[\s*(\d+)\s*:\s*(\d+)\s*,\s*(\d+)\s*:\s*(\d+)\s*\]\s*$/;

/**
 * Reads a region.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * const section = parseSection("[  17: 528,   1: 520]")!;
 * assert.deepEqual([section.x, section.width, section.height], [16, 512, 520]);
 * assert.equal(parseSection("UNKNOWN"), undefined);
 * ```
 *
 * @param text As in a card or in `ccd.dat`.
 * @returns The region; undefined if the text is none.
 */
export function parseSection(text: string): Section | undefined {
  const numbers = FORM.exec(text)?.slice(1).map(Number);
  if (numbers === undefined || numbers.some((value) => value < 1)) return undefined;
  const [x1, x2, y1, y2] = numbers as [number, number, number, number];
  return {
    x: Math.min(x1, x2) - 1,
    y: Math.min(y1, y2) - 1,
    width: Math.abs(x2 - x1) + 1,
    height: Math.abs(y2 - y1) + 1,
    flipX: x2 < x1,
    flipY: y2 < y1,
  };
}

/** A size in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Whether a region lies inside an image of this size. */
export function fits(section: Section, size: Size): boolean {
  return section.x + section.width <= size.width && section.y + section.height <= size.height;
}

/** Whether two regions share a pixel. */
export function overlap(a: Section, b: Section): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height &&
    b.y < a.y + a.height;
}

/** The region that is the whole image. */
export function wholeSection({ width, height }: Size): Section {
  return { x: 0, y: 0, width, height, flipX: false, flipY: false };
}
