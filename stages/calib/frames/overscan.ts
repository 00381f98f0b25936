/**
 * The level of an amplifier without light, from its overscan.
 *
 * @module
 */

import type { ImageReader } from "../../../fits/image.ts";
import { clippedStats, median } from "../../../sky/stats.ts";
import type { Section } from "./section.ts";

/** How the overscan becomes a level. */
export const OVERSCAN_METHODS = ["smooth", "rows", "level"] as const;

/** `smooth`: by line, smoothed along the lines; `rows`: by line; `level`: one for all. */
export type OverscanMethod = (typeof OVERSCAN_METHODS)[number];

/** Lines over which `smooth` takes means, to either side. */
const HALF_WINDOW = 25;

/** Level of each line of the useful region. */
export interface OverscanLevels {
  /** Whether the lines are rows (overscan beside the data) or columns (above or below). */
  readonly along: "rows" | "columns";
  /** Level of each line, ADU. */
  readonly levels: Float64Array;
  /** Median of the levels, ADU. */
  readonly level: number;
  /** Scatter of one overscan pixel: the read noise, ADU. */
  readonly noiseAdu: number;
}

/**
 * Measures the overscan of an amplifier.
 *
 * @param reader The file's image.
 * @param overscan Its overscan.
 * @param data Its useful region.
 * @param method How lines become levels; a region that covers not all lines gives one level.
 * @returns Levels of the lines of `data`.
 */
export async function measureOverscan(
  reader: ImageReader,
  overscan: Section,
  data: Section,
  method: OverscanMethod,
): Promise<OverscanLevels> {
  const pixels = await readSection(reader, overscan);
  const along = overscan.width >= data.width && overscan.height < data.height ? "columns" : "rows";
  const lines = along === "rows" ? overscan.height : overscan.width;
  const first = along === "rows" ? data.y - overscan.y : data.x - overscan.x;
  const wanted = along === "rows" ? data.height : data.width;
  const all = new Float64Array(lines);
  for (let line = 0; line < lines; line++) {
    all[line] = median(lineOf(pixels, overscan, along, line));
  }
  const level = median(all);
  const noiseAdu = clippedStats(pixels).sigma;
  const covered = first >= 0 && first + wanted <= lines;
  if (method === "level" || !covered) {
    return { along, levels: new Float64Array(wanted).fill(level), level, noiseAdu };
  }
  const levels = method === "smooth" ? smooth(all, HALF_WINDOW) : all;
  return { along, levels: levels.slice(first, first + wanted), level, noiseAdu };
}

async function readSection(reader: ImageReader, section: Section): Promise<Float32Array> {
  const { x, y, width, height } = section;
  const out = new Float32Array(width * height);
  const step = Math.max(1, Math.min(256, height));
  const rows = new Float32Array(step * reader.width);
  for (let row = 0; row < height; row += step) {
    const count = Math.min(step, height - row);
    const strip = await reader.readRows(y + row, count, rows);
    for (let k = 0; k < count; k++) {
      const from = k * reader.width + x;
      out.set(strip.subarray(from, from + width), (row + k) * width);
    }
  }
  return out;
}

function lineOf(
  pixels: Float32Array,
  { width, height }: Section,
  along: OverscanLevels["along"],
  line: number,
): Float32Array {
  if (along === "rows") return pixels.subarray(line * width, (line + 1) * width);
  const column = new Float32Array(height);
  for (let y = 0; y < height; y++) column[y] = pixels[y * width + line]!;
  return column;
}

/** Clipped running mean; at the ends over the lines there are. */
function smooth(levels: Float64Array, half: number): Float64Array {
  const out = new Float64Array(levels.length);
  for (let i = 0; i < levels.length; i++) {
    const window = levels.subarray(Math.max(0, i - half), i + half + 1);
    out[i] = clippedStats(window).mean;
  }
  return out;
}
