/**
 * Pictures of images: grey PNG, and labelled stamps beside each other.
 *
 * @module
 */

import { encode } from "fast-png";
import { escapeXml, FONT_FAMILY, svgToPng } from "./svg_png.ts";
import { zscale } from "./zscale.ts";

export { svgToPng } from "./svg_png.ts";
export { zscale } from "./zscale.ts";

/** How brightness becomes grey. */
export interface GrayOptions {
  /** Brightness of black; `zscale` if left out. */
  readonly lo?: number;
  /** Brightness of white; `zscale` if left out. */
  readonly hi?: number;
  /** A whole number repeats pixels, its inverse takes means of squares of pixels; 1. */
  readonly scale?: number;
  /** Row 0 at the bottom, as astronomers look at it; true. */
  readonly flipY?: boolean;
  /** How brightness between the limits is spread over the greys; linear. */
  readonly stretch?: "linear" | "asinh" | "sqrt";
}

/** The colour of pixels without a value. */
const NO_DATA_RGB = [96, 112, 144] as const;

/**
 * Encodes an image as PNG: 8-bit grey, or RGB with NaN in slate blue when there is any.
 *
 * @param data `[height, width]` row-major.
 * @param width Columns.
 * @param height Rows.
 * @param options Limits, size, orientation.
 * @returns The PNG file's bytes.
 */
export function grayPng(
  data: ArrayLike<number>,
  width: number,
  height: number,
  options: GrayOptions = {},
): Uint8Array {
  const { scale = 1, flipY = true, stretch = "linear" } = options;
  const [autoLo, autoHi] = options.lo === undefined || options.hi === undefined
    ? zscale(data)
    : [0, 0];
  const [lo, hi] = [options.lo ?? autoLo, options.hi ?? autoHi];
  const scaled = rescale({ data, width, height }, scale);
  const count = scaled.width * scaled.height;
  const gray = new Uint8Array(count);
  const holes = new Uint8Array(count);
  let anyHole = false;
  const range = hi > lo ? hi - lo : 1;
  for (let y = 0; y < scaled.height; y++) {
    const from = (flipY ? scaled.height - 1 - y : y) * scaled.width;
    for (let x = 0; x < scaled.width; x++) {
      const value = scaled.data[from + x]!;
      const at = y * scaled.width + x;
      if (value !== value) {
        holes[at] = 1;
        anyHole = true;
      } else gray[at] = Math.round(255 * stretched((value - lo) / range, stretch));
    }
  }
  const size = { width: scaled.width, height: scaled.height };
  if (!anyHole) return encode({ ...size, data: gray, channels: 1, depth: 8 });
  return encode({ ...size, data: withHoles(gray, holes), channels: 3, depth: 8 });
}

function withHoles(gray: Uint8Array, holes: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(gray.length * 3);
  for (let i = 0; i < gray.length; i++) {
    rgb.set(holes[i] ? NO_DATA_RGB : [gray[i]!, gray[i]!, gray[i]!], i * 3);
  }
  return rgb;
}

function stretched(fraction: number, stretch: "linear" | "asinh" | "sqrt"): number {
  const clipped = Math.min(1, Math.max(0, fraction));
  if (stretch === "sqrt") return Math.sqrt(clipped);
  if (stretch === "asinh") return Math.asinh(clipped * 10) / Math.asinh(10);
  return clipped;
}

interface Pixels {
  readonly data: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
}

function rescale(image: Pixels, scale: number): Pixels {
  const { data, width, height } = image;
  if (scale === 1) return image;
  const repeat = Math.max(1, Math.round(scale));
  const step = scale < 1 ? Math.max(1, Math.round(1 / scale)) : 1;
  const [w, h] = [Math.ceil(width * repeat / step), Math.ceil(height * repeat / step)];
  const out = new Float32Array(w * h);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      out[y * w + x] = step === 1
        ? data[Math.floor(y / repeat) * width + Math.floor(x / repeat)]!
        : blockMean(data, width, height, x * step, y * step, step);
    }
  }
  return { data: out, width: w, height: h };
}

/** Mean of the pixels that have a value. */
function blockMean(
  data: ArrayLike<number>,
  width: number,
  height: number,
  x0: number,
  y0: number,
  size: number,
): number {
  let [sum, count] = [0, 0];
  for (let y = y0; y < Math.min(height, y0 + size); y++) {
    for (let x = x0; x < Math.min(width, x0 + size); x++) {
      const value = data[y * width + x]!;
      if (value !== value) continue;
      sum += value;
      count++;
    }
  }
  return count === 0 ? NaN : sum / count;
}

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
}

const MARGIN = 16;
const GAP = 14;
const INK = "#1b1f24";
const ACCENT = "#ff3b30";

/**
 * Draws stamps beside each other with titles, limits, marks and a scale.
 *
 * @param stamps Usually science, reference and difference.
 * @param options Titles, scale, orientation.
 * @returns The PNG file's bytes.
 */
export function stampsPng(
  stamps: readonly Stamp[],
  options: StampsOptions = {},
): Promise<Uint8Array> {
  return svgToPng(stampsSvg(stamps, options), undefined);
}

/**
 * The drawing behind {@linkcode stampsPng}.
 *
 * @param stamps Usually science, reference and difference.
 * @param options Titles, scale, orientation.
 * @returns SVG with the stamps embedded as PNG.
 */
export function stampsSvg(stamps: readonly Stamp[], options: StampsOptions = {}): string {
  const { panelPx: side = 240, marker = true } = options;
  const width = 2 * MARGIN + stamps.length * side + (stamps.length - 1) * GAP;
  const lines = [
    options.title === undefined ? "" : label(MARGIN, MARGIN + 14, options.title, 15, "bold"),
    options.subtitle === undefined ? "" : label(MARGIN, MARGIN + 32, options.subtitle, 11),
  ];
  const head = options.subtitle !== undefined ? 44 : options.title !== undefined ? 26 : 0;
  const top = MARGIN + head + 18;
  const panels = stamps.map((stamp, i) => {
    const x = MARGIN + i * (side + GAP);
    return [
      panel(stamp, x, top, side),
      marker ? crosshair(x + side / 2, top + side / 2, side) : "",
      i === 0 ? scaleMarks(stamp, x, top, side, options) : "",
    ].join("");
  });
  const height = top + side + 36;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}" font-family="${FONT_FAMILY}" fill="${INK}">` +
    `<rect width="${width}" height="${height}" fill="white"/>` +
    lines.join("") + panels.join("") + "</svg>";
}

function label(x: number, y: number, text: string, size: number, weight = "normal"): string {
  return `<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}">${
    escapeXml(text)
  }</text>`;
}

function panel(stamp: Stamp, x: number, y: number, side: number): string {
  const [autoLo, autoHi] = zscale(stamp.data);
  const [lo, hi] = [stamp.lo ?? autoLo, stamp.hi ?? autoHi];
  const png = grayPng(stamp.data, stamp.size, stamp.size, { lo, hi });
  const limits = `${shortNumber(lo)} … ${shortNumber(hi)} ADU`;
  return label(x, y - 6, stamp.title, 12, "bold") +
    `<image x="${x}" y="${y}" width="${side}" height="${side}" ` +
    `image-rendering="optimizeSpeed" href="data:image/png;base64,${base64(png)}"/>` +
    `<rect x="${x}" y="${y}" width="${side}" height="${side}" fill="none" stroke="${INK}"/>` +
    label(x, y + side + 14, limits, 10) +
    (stamp.note === undefined ? "" : label(x, y + side + 28, stamp.note, 10));
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  }
  return btoa(text);
}

function shortNumber(value: number): string {
  const text = Math.abs(value) >= 1e5 ? value.toExponential(2) : value.toPrecision(4);
  return text.replace("-", "−");
}

/** Two ticks that point at the middle without covering it. */
function crosshair(x: number, y: number, side: number): string {
  const [near, far] = [side * 0.06, side * 0.13];
  return `<path d="M${x + near} ${y}H${x + far}M${x} ${y - near}V${y - far}" ` +
    `stroke="${ACCENT}" stroke-width="1.5" fill="none"/>`;
}

/** Lengths that a scale bar may have, arcsec. */
const BARS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600];

function scaleMarks(
  stamp: Stamp,
  x: number,
  y: number,
  side: number,
  { pixelScaleArcsec, orientation }: StampsOptions,
): string {
  let out = "";
  if (pixelScaleArcsec !== undefined) {
    const field = stamp.size * pixelScaleArcsec;
    const bar = BARS.findLast((length) => length <= field * 0.3) ?? BARS[0]!;
    const length = bar / field * side;
    const [left, bottom] = [x + 10, y + side - 10];
    out += `<path d="M${left} ${bottom}h${length}" stroke="#ffd60a" stroke-width="2.5"/>` +
      `<text x="${left + length / 2}" y="${bottom - 5}" font-size="11" fill="#ffd60a" ` +
      `text-anchor="middle">${bar}″</text>`;
  }
  if (orientation !== undefined) {
    const { eastX, eastY, northX, northY } = orientation;
    const determinant = eastX * northY - eastY * northX;
    const [cx, cy] = [x + side - 34, y + side - 34];
    // Pixel steps that go north and east; the picture's y axis points down.
    out += arrow(cx, cy, -eastY / determinant, -eastX / determinant, "N") +
      arrow(cx, cy, northY / determinant, northX / determinant, "E");
  }
  return out;
}

function arrow(x: number, y: number, dx: number, dy: number, name: string): string {
  const length = Math.hypot(dx, dy);
  const [ux, uy] = [dx / length, dy / length];
  const at = (along: number, aside: number) =>
    `${(x + ux * along - uy * aside).toFixed(1)} ${(y + uy * along + ux * aside).toFixed(1)}`;
  const [tx, ty] = [x + ux * 27, y + uy * 27];
  return `<path d="M${at(0, 0)}L${at(14, 0)}" stroke="#ffd60a" stroke-width="1.5"/>` +
    `<path d="M${at(19, 0)}L${at(13, 3)}L${at(13, -3)}Z" fill="#ffd60a"/>` +
    `<text x="${tx.toFixed(1)}" y="${(ty + 3.5).toFixed(1)}" font-size="10" fill="#ffd60a" ` +
    `text-anchor="middle">${name}</text>`;
}
