/**
 * Outlines of the glyphs of a TrueType font (the OpenType tables `cmap`, `hmtx`, `loca`, `glyf`).
 *
 * @module
 */

import { DataError } from "../config/errors.ts";

/** A point of an outline; a curve bends towards one that is not on it. */
interface Point {
  readonly x: number;
  readonly y: number;
  readonly on: boolean;
}

/** Straight pieces that stand for a curve: at the sizes of labels no more can be seen. */
const PIECES = 4;

/** Bits of the flags of a point and of a part of a composite glyph. */
const ON = 1, SHORT_X = 2, SHORT_Y = 4, REPEATED = 8, SAME_X = 16, SAME_Y = 32;
const WORDS = 1, SCALED = 8, MORE = 32, SCALED_XY = 64, TURNED = 128;

/** A font. */
export class Font {
  /** Units along the side of the square that a size is measured by. */
  readonly unitsPerEm: number;
  readonly #view: DataView;
  readonly #tables = new Map<string, number>();
  /** The map of characters. */
  readonly #map: number;
  readonly #outlines = new Map<number, readonly number[]>();
  readonly #longOffsets: boolean;
  readonly #advances: number;

  /**
   * Reads the directory; glyphs are read when they are asked for.
   *
   * @param bytes A TrueType file.
   * @throws {DataError} If a table is missing.
   */
  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0, at = 12; i < this.#view.getUint16(4); i++, at += 16) {
      const tag = String.fromCharCode(...bytes.subarray(at, at + 4));
      this.#tables.set(tag, this.#view.getUint32(at + 8));
    }
    const head = this.#table("head");
    this.unitsPerEm = this.#view.getUint16(head + 18);
    this.#longOffsets = this.#view.getInt16(head + 50) === 1;
    this.#advances = this.#view.getUint16(this.#table("hhea") + 34);
    this.#map = this.#findMap(this.#table("cmap"));
  }

  #table(tag: string): number {
    const at = this.#tables.get(tag);
    if (at === undefined) throw new DataError(`Cannot draw text: the font has no table '${tag}'`);
    return at;
  }

  /** The map of format 4: of the basic plane. */
  #findMap(cmap: number): number {
    const view = this.#view;
    const maps = Array.from({ length: view.getUint16(cmap + 2) }, (_, i) => {
      return cmap + view.getUint32(cmap + 4 + 8 * i + 4);
    });
    const map = maps.find((at) => view.getUint16(at) === 4);
    if (map === undefined) throw new DataError("Cannot draw text: the font maps no characters");
    return map;
  }

  /** The glyph of a character; that of what the font lacks when it has none. */
  glyphOf(character: string): number {
    const view = this.#view, code = character.codePointAt(0) ?? 0;
    const bytes = view.getUint16(this.#map + 6); // two a segment
    const ends = this.#map + 14, starts = ends + bytes + 2, deltas = starts + bytes;
    let k = 0;
    while (k < bytes && view.getUint16(ends + k) < code) k += 2;
    if (k >= bytes || code >= 0xffff) return 0;
    const first = view.getUint16(starts + k);
    if (code < first) return 0;
    const delta = view.getUint16(deltas + k), at = deltas + bytes + k;
    const range = view.getUint16(at);
    const glyph = range === 0 ? code : view.getUint16(at + range + 2 * (code - first));
    return glyph === 0 ? 0 : (glyph + delta) & 0xffff;
  }

  /** How far the next glyph stands from this one, font units. */
  advance(glyph: number): number {
    const index = Math.min(glyph, this.#advances - 1);
    return this.#view.getUint16(this.#table("hmtx") + 4 * index);
  }

  /**
   * The outline of a glyph in straight pieces, closed and filled where it winds around.
   *
   * @returns Lines one after the other: x and y of both ends, font units, y upwards.
   */
  outlineOf(glyph: number): readonly number[] {
    let lines = this.#outlines.get(glyph);
    if (lines === undefined) this.#outlines.set(glyph, lines = this.#readOutline(glyph));
    return lines;
  }

  #readOutline(glyph: number): number[] {
    const [from, to] = [this.#offsetOf(glyph), this.#offsetOf(glyph + 1)];
    if (from === to) return []; // a space
    const at = this.#table("glyf") + from;
    const contours = this.#view.getInt16(at);
    return contours < 0 ? this.#composite(at + 10) : this.#simple(at + 10, contours);
  }

  #offsetOf(glyph: number): number {
    const loca = this.#table("loca");
    return this.#longOffsets
      ? this.#view.getUint32(loca + 4 * glyph)
      : 2 * this.#view.getUint16(loca + 2 * glyph);
  }

  #simple(at: number, contours: number): number[] {
    const lines: number[] = [];
    const ends = Array.from({ length: contours }, (_, i) => this.#view.getUint16(at + 2 * i));
    const points = this.#readPoints(at + 2 * contours, (ends.at(-1) ?? -1) + 1);
    ends.forEach((end, i) => {
      drawContour(points.slice(i === 0 ? 0 : ends[i - 1]! + 1, end + 1), lines);
    });
    return lines;
  }

  /** Flags, then all x, then all y, each as a step from the one before. */
  #readPoints(instructions: number, count: number): Point[] {
    const view = this.#view;
    let at = instructions + 2 + view.getUint16(instructions);
    const flags: number[] = [];
    while (flags.length < count) {
      const flag = view.getUint8(at++);
      flags.push(flag);
      if (flag & REPEATED) { for (let n = view.getUint8(at++); n > 0; n--) flags.push(flag); }
    }
    const readSteps = (short: number, same: number) => {
      let value = 0;
      return flags.map((flag) => {
        if (flag & short) value += flag & same ? view.getUint8(at++) : -view.getUint8(at++);
        else if (!(flag & same)) {
          value += view.getInt16(at);
          at += 2;
        }
        return value;
      });
    };
    const xs = readSteps(SHORT_X, SAME_X), ys = readSteps(SHORT_Y, SAME_Y);
    return flags.map((flag, i) => ({ x: xs[i]!, y: ys[i]!, on: (flag & ON) !== 0 }));
  }

  /** Glyphs made of others: letters and their accents, moved, never scaled in the fonts used here. */
  #composite(from: number): number[] {
    const view = this.#view;
    const lines: number[] = [];
    for (let at = from, flags = MORE; flags & MORE;) {
      flags = view.getUint16(at);
      const part = view.getUint16(at + 2);
      const words = (flags & WORDS) !== 0;
      const dx = words ? view.getInt16(at + 4) : view.getInt8(at + 4);
      const dy = words ? view.getInt16(at + 6) : view.getInt8(at + 5);
      this.outlineOf(part).forEach((value, i) => lines.push(value + (i % 2 === 0 ? dx : dy)));
      at += (words ? 8 : 6) +
        (flags & SCALED ? 2 : flags & SCALED_XY ? 4 : flags & TURNED ? 8 : 0);
    }
    return lines;
  }
}

/** Between two points off the curve lies one on it, half way. */
function drawContour(points: readonly Point[], lines: number[]): void {
  const count = points.length;
  const at = (i: number) => points[(i + count) % count]!;
  const middle = (a: Point, b: Point): Point => ({
    x: (a.x + b.x) / 2,
    y: (a.y + b.y) / 2,
    on: true,
  });
  for (let i = 0; i < count; i++) {
    const bend = at(i), before = at(i - 1), after = at(i + 1);
    if (bend.on) {
      if (after.on) lines.push(bend.x, bend.y, after.x, after.y);
      continue;
    }
    const start = before.on ? before : middle(before, bend);
    const end = after.on ? after : middle(bend, after);
    drawCurve(start, bend, end, lines);
  }
}

function drawCurve(start: Point, bend: Point, end: Point, lines: number[]): void {
  let { x, y } = start;
  for (let k = 1; k <= PIECES; k++) {
    const t = k / PIECES, s = 1 - t;
    const nextX = s * s * start.x + 2 * s * t * bend.x + t * t * end.x;
    const nextY = s * s * start.y + 2 * s * t * bend.y + t * t * end.y;
    lines.push(x, y, nextX, nextY);
    [x, y] = [nextX, nextY];
  }
}
