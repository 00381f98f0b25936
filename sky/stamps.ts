/**
 * Labelled stamps of images beside each other.
 *
 * @module
 */

import { grayPicture } from "./_gray.ts";
import { nextTurn } from "../config/next_turn.ts";
import type { Compute } from "../gpu/compute.ts";
import { Canvas, loadFonts, type Rgb } from "./canvas.ts";
import { encodePng, encodePngBy } from "./png.ts";
import { zscale } from "./zscale.ts";

/** One stamp of a row of stamps. */
export interface Stamp {
  /** `[size, size]` row-major; the object in the middle. */
  readonly data: ArrayLike<number>;
  /** Side in px. */
  readonly size: number;
  /** Above the stamp: Science, Reference, Difference. */
  readonly title: string;
  /** Below the stamp: the file, the seeing… */
  readonly note?: string;
  /** Limits of brightness; `zscale` if left out. */
  readonly lo?: number;
  /** Brightness of white. */
  readonly hi?: number;
  /** Of the limits; ADU if left out. */
  readonly unit?: string;
}

/** What is drawn around a row of stamps. */
export interface StampsOptions {
  /** Above all. */
  readonly title?: string;
  /** Below the title, smaller. */
  readonly subtitle?: string;
  /** Draws a bar of length on the first stamp. */
  readonly pixelScaleArcsec?: number;
  /** Displacements on the sky a pixel: draws the arrows N and E on the first stamp. */
  readonly orientation?: {
    readonly eastX: number;
    readonly eastY: number;
    readonly northX: number;
    readonly northY: number;
  };
  /** Side of a stamp in the picture; 240. */
  readonly panelPx?: number;
  /** Draws tick marks beside the middle; true. */
  readonly marker?: boolean;
  /** Whose threads encode the file; the calling one if left out. */
  readonly compute?: Compute;
}

const MARGIN = 16;
const GAP = 14;
const INK: Rgb = [30, 30, 30];
const ACCENT: Rgb = [255, 59, 48];
const YELLOW: Rgb = [255, 214, 10];

/**
 * Draws stamps beside each other with titles, limits, marks and a scale.
 *
 * @param stamps Usually science, reference and difference.
 * @param options Titles, scale, orientation.
 * @returns The PNG file's bytes.
 */
export async function stampsPng(
  stamps: readonly Stamp[],
  options: StampsOptions = {},
): Promise<Uint8Array> {
  const { title, subtitle, panelPx: side = 240, marker = true } = options;
  const head = subtitle !== undefined ? 44 : title !== undefined ? 26 : 0;
  const top = MARGIN + head + 18;
  const width = 2 * MARGIN + stamps.length * side + (stamps.length - 1) * GAP;
  const { pixelScaleArcsec, orientation } = options;
  const isColourful = marker || pixelScaleArcsec !== undefined || orientation !== undefined;
  const canvas = new Canvas(width, top + side + 36, await loadFonts(), isColourful);
  const heading = { sizePx: 15, colour: INK, bold: true };
  if (title !== undefined) canvas.text(title, MARGIN, MARGIN + 14, heading);
  if (subtitle !== undefined) canvas.text(subtitle, MARGIN, MARGIN + 32, { ...NOTE, sizePx: 11 });
  for (const [i, stamp] of stamps.entries()) {
    const left = MARGIN + i * (side + GAP);
    drawPanel(canvas, stamp, left, top, side);
    if (marker) drawCrosshair(canvas, left + side / 2, top + side / 2, side);
    if (i === 0) drawScale(canvas, stamp, left, top, side, options);
    await nextTurn(); // files are written meanwhile
  }
  const { picture } = canvas;
  return options.compute ? await encodePngBy(options.compute, picture) : encodePng(picture);
}

const NOTE = { sizePx: 10, colour: INK };

function drawPanel(canvas: Canvas, stamp: Stamp, left: number, top: number, side: number): void {
  const { data, size, title, note } = stamp;
  const given = stamp.lo !== undefined && stamp.hi !== undefined;
  const [autoLo, autoHi] = given ? [0, 0] : zscale(data);
  const [lo, hi] = [stamp.lo ?? autoLo, stamp.hi ?? autoHi];
  const box = { left, top, width: side, height: side };
  canvas.image(grayPicture(data, size, size, { lo, hi }), box);
  canvas.frame(box, INK);
  canvas.text(title, left, top - 6, { sizePx: 12, colour: INK, bold: true });
  const limits = `${shortNumber(lo)} … ${shortNumber(hi)} ${stamp.unit ?? "ADU"}`;
  canvas.text(limits.trimEnd(), left, top + side + 14, NOTE);
  if (note !== undefined) canvas.text(note, left, top + side + 28, NOTE);
}

function shortNumber(value: number): string {
  const text = Math.abs(value) >= 1e5 ? value.toExponential(2) : value.toPrecision(4);
  return text.replace("-", "−");
}

/** Two ticks that point at the middle without covering it. */
function drawCrosshair(canvas: Canvas, x: number, y: number, side: number): void {
  const [near, far] = [side * 0.06, side * 0.13];
  canvas.line([x + near, y], [x + far, y], 1.5, ACCENT);
  canvas.line([x, y - near], [x, y - far], 1.5, ACCENT);
}

/** Lengths that a scale bar may have, arcsec. */
const BARS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600];

function drawScale(
  canvas: Canvas,
  stamp: Stamp,
  x: number,
  y: number,
  side: number,
  { pixelScaleArcsec, orientation }: StampsOptions,
): void {
  if (pixelScaleArcsec !== undefined) {
    const field = stamp.size * pixelScaleArcsec;
    const bar = BARS.findLast((length) => length <= field * 0.3) ?? BARS[0]!;
    const length = bar / field * side;
    const [left, bottom] = [x + 10, y + side - 10];
    canvas.line([left, bottom], [left + length, bottom], 2.5, YELLOW);
    const style = { sizePx: 11, colour: YELLOW, anchor: "middle" } as const;
    canvas.text(`${bar}″`, left + length / 2, bottom - 5, style);
  }
  if (orientation !== undefined) {
    const { eastX, eastY, northX, northY } = orientation;
    const determinant = eastX * northY - eastY * northX;
    const [cx, cy] = [x + side - 34, y + side - 34];
    // Pixel steps that go north and east; the picture's y axis points down.
    drawArrow(canvas, [cx, cy], [-eastY / determinant, -eastX / determinant], "N");
    drawArrow(canvas, [cx, cy], [northY / determinant, northX / determinant], "E");
  }
}

type Vector = readonly [x: number, y: number];

function drawArrow(canvas: Canvas, [x, y]: Vector, [dx, dy]: Vector, name: string): void {
  const length = Math.hypot(dx, dy);
  const [ux, uy] = [dx / length, dy / length];
  const at = (along: number, aside: number): Vector => [
    x + ux * along - uy * aside,
    y + uy * along + ux * aside,
  ];
  canvas.line(at(0, 0), at(14, 0), 1.5, YELLOW);
  canvas.polygon([at(19, 0), at(13, 3), at(13, -3)], YELLOW);
  const [tx, ty] = at(27, 0);
  canvas.text(name, tx, ty + 3.5, { sizePx: 10, colour: YELLOW, anchor: "middle" });
}
