/**
 * A picture that is drawn on: filled shapes, text, grey images.
 *
 * @module
 */

import { Font } from "./font.ts";
import { readFontFiles } from "./_package_file.ts";
import { type Box, Raster, type Rgb } from "./_raster.ts";
import type { Picture } from "./png.ts";

export type { Box, Rgb } from "./_raster.ts";

/** Corners of shapes, px; (0, 0) is the upper left corner of the picture, y points down. */
export type Corners = readonly (readonly [x: number, y: number])[];

/** How text is drawn. */
export interface TextStyle {
  /** Of the font's square, px. */
  readonly sizePx: number;
  /** Of the letters. */
  readonly colour: Rgb;
  /** False if left out. */
  readonly bold?: boolean;
  /** Where the place given lies in the text; `start` if left out. */
  readonly anchor?: "start" | "middle";
}

/** The fonts that text is drawn with. */
export interface Fonts {
  /** DejaVu Sans. */
  readonly normal: Font;
  /** DejaVu Sans Bold. */
  readonly bold: Font;
}

let fonts: Promise<Fonts> | undefined;

/** Loads DejaVu Sans, once a process. */
export function loadFonts(): Promise<Fonts> {
  fonts ??= (async () => {
    const [normal, bold] = await readFontFiles();
    return { normal: new Font(normal), bold: new Font(bold) };
  })();
  return fonts;
}

/** Lines that a row of pixels is looked at along, to see how much of it a shape covers. */
const LINES = 8;

/** A white picture. */
export class Canvas {
  readonly #raster: Raster;
  readonly #fonts: Fonts;

  /**
   * Begins a picture.
   *
   * @param width Columns.
   * @param height Rows.
   * @param fonts From {@linkcode loadFonts}.
   * @param isColourful Whether many colours are to be expected.
   */
  constructor(width: number, height: number, fonts: Fonts, isColourful = false) {
    this.#raster = new Raster(width, height, isColourful);
    this.#fonts = fonts;
  }

  /** The picture as it is now; drawing goes on in the same memory. */
  get picture(): Picture {
    return this.#raster.picture;
  }

  /** Fills a shape with a smooth edge. */
  polygon(corners: Corners, colour: Rgb): void {
    const outline = corners.flatMap(([x, y], i) => {
      const [nextX, nextY] = corners[(i + 1) % corners.length]!;
      return [x, y, nextX, nextY];
    });
    this.#fill(Float64Array.from(outline), colour);
  }

  /** Draws a line of a width, px. */
  line(from: Corners[number], to: Corners[number], width: number, colour: Rgb): void {
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
    if (length === 0) return;
    const dx = (from[1] - to[1]) / length * width / 2, dy = (to[0] - from[0]) / length * width / 2;
    this.polygon([
      [from[0] + dx, from[1] + dy],
      [to[0] + dx, to[1] + dy],
      [to[0] - dx, to[1] - dy],
      [from[0] - dx, from[1] - dy],
    ], colour);
  }

  /** Draws the border of a rectangle, a pixel wide, half of it within. */
  frame({ left, top, width, height }: Box, colour: Rgb): void {
    for (const y of [top, top + height]) {
      this.#half({ left, top: y - 1, width, height: 2 }, colour);
    }
    for (const x of [left, left + width]) {
      this.#half({ left: x - 1, top, width: 2, height }, colour);
    }
  }

  /** Lays a colour over half of each pixel. */
  #half({ left, top, width, height }: Box, colour: Rgb): void {
    const raster = this.#raster;
    const right = Math.min(raster.width, left + width);
    for (let y = Math.max(0, top); y < Math.min(raster.height, top + height); y++) {
      for (let x = Math.max(0, left); x < right; x++) {
        raster.blend(y * raster.width + x, 0.5, colour);
      }
    }
  }

  /** Writes a line of text; `y` is that of the line it stands on. */
  text(text: string, x: number, y: number, style: TextStyle): void {
    const font = style.bold ? this.#fonts.bold : this.#fonts.normal;
    const scale = style.sizePx / font.unitsPerEm;
    const glyphs = Array.from(text, (character) => font.glyphOf(character));
    const length = glyphs.reduce((sum, glyph) => sum + font.advance(glyph), 0);
    const outlines = glyphs.map((glyph) => font.outlineOf(glyph));
    const outline = new Float64Array(outlines.reduce((sum, lines) => sum + lines.length, 0));
    let left = style.anchor === "middle" ? x - scale * length / 2 : x;
    let at = 0;
    outlines.forEach((lines, i) => {
      for (let k = 0; k < lines.length; k += 2) {
        outline[at++] = left + scale * lines[k]!;
        outline[at++] = y - scale * lines[k + 1]!;
      }
      left += scale * font.advance(glyphs[i]!);
    });
    this.#fill(outline, style.colour);
  }

  /** Lays a picture over a rectangle that lies within this one: the nearest pixel to each of its own. */
  image(picture: Picture, box: Box): void {
    this.#raster.lay(picture, box);
  }

  /**
   * Fills what lines wind around, by the part of each pixel that is covered.
   *
   * @param outline Lines one after the other: x and y of both ends.
   */
  #fill(outline: Float64Array, colour: Rgb): void {
    const raster = this.#raster;
    const [left, right] = boundsOf(outline, 0, raster.width);
    const [top, bottom] = boundsOf(outline, 1, raster.height);
    if (left >= right || top >= bottom) return;
    const covered = cover(outline, { left, top, width: right - left, height: bottom - top });
    for (let y = top, k = 0; y < bottom; y++, k++) {
      let sum = 0;
      for (let x = left; x < right; x++, k++) {
        sum += covered[k]!;
        const share = Math.min(1, Math.abs(sum));
        if (share > 0.002) raster.blend(y * raster.width + x, share, colour);
      }
    }
  }
}

/** The pixels between which the corners of an outline lie, along x (0) or y (1), within the picture. */
function boundsOf(outline: Float64Array, axis: 0 | 1, end: number): [number, number] {
  let least = end, most = 0;
  for (let k: number = axis; k < outline.length; k += 2) {
    least = Math.min(least, outline[k]!);
    most = Math.max(most, outline[k]!);
  }
  return [Math.max(0, Math.floor(least)), Math.min(end, Math.ceil(most))];
}

/**
 * By how much the covered part grows from pixel to pixel along each row of a box, `[height, width + 1]`:
 * each crossing of an outline with one of {@linkcode LINES} lines through a row covers what is right of it.
 */
function cover(outline: Float64Array, { left, top, width, height }: Box): Float32Array {
  const steps = new Float32Array(height * (width + 1));
  for (let k = 0; k < outline.length; k += 4) {
    const a = outline[k + 1]! < outline[k + 3]! ? k : k + 2, b = 2 * k + 2 - a;
    const x0 = outline[a]! - left, y0 = outline[a + 1]! - top;
    const slope = (outline[b]! - outline[a]!) / (outline[b + 1]! - outline[a + 1]!);
    const share = (a === k ? 1 : -1) / LINES;
    const first = Math.ceil(Math.max(y0, 0) * LINES - 0.5);
    const end = Math.ceil(Math.min(outline[b + 1]! - top, height) * LINES - 0.5);
    for (let line = first; line < end; line++) {
      const y = (line + 0.5) / LINES;
      const x = Math.min(width, Math.max(0, x0 + (y - y0) * slope));
      const column = Math.min(width - 1, Math.floor(x));
      const at = Math.floor(y) * (width + 1) + column;
      steps[at]! += share * (column + 1 - x);
      steps[at + 1]! += share * (x - column);
    }
  }
  return steps;
}
