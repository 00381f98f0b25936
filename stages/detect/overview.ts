/**
 * The whole difference image, small, with the candidates marked.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { openImage } from "../../fits/image.ts";
import { grayPng, svgToPng, zscale } from "../../sky/pictures.ts";
import type { Candidate } from "./candidate.ts";
import { escapeXml } from "../../sky/svg_png.ts";
import { isTransient } from "./flags.ts";
import { raisedNames } from "./tables.ts";
import type { SearchResult } from "./search_image.ts";

/** The longer side of the picture is at most this, px. */
const LONGEST_PX = 1400;
const MARGIN = 16;
const HEAD = 54;
const FOOT = 34;
const GREEN = "#00c853";
const CYAN = "#00b8d4";
const RED = "#ff5a4f";
/** More flagged candidates than this are not drawn, so that the image stays visible. */
const MOST_FLAGGED = 2000;

/** A small image: means of squares of pixels. */
interface SmallImage {
  readonly width: number;
  readonly height: number;
  /** `[height, width]`; NaN where there is no data. */
  readonly data: Float32Array;
  /** Pixels of the image a pixel of this. */
  readonly factor: number;
}

/**
 * Draws the overview of a search.
 *
 * @param path Where to; written beside and renamed.
 * @param result The search.
 * @param title Above the picture.
 */
export async function writeOverview(
  path: string,
  result: SearchResult,
  title: string,
): Promise<void> {
  const small = await shrinkImage(result.inputs.difference.path, LONGEST_PX);
  const png = await svgToPng(overviewSvg(small, result, title));
  const part = path.replace(/([^/]+)$/, ".$1.part");
  await Deno.writeFile(part, png);
  await Deno.rename(part, path);
}

/**
 * Shrinks an image by a whole number, strip by strip.
 *
 * @param path The image.
 * @param longestPx Most pixels of the longer side.
 * @returns Means of squares of pixels.
 */
export async function shrinkImage(path: string, longestPx: number): Promise<SmallImage> {
  using reader = await openImage(path);
  const factor = Math.max(1, Math.ceil(Math.max(reader.width, reader.height) / longestPx));
  const width = Math.floor(reader.width / factor);
  const height = Math.floor(reader.height / factor);
  const data = new Float32Array(width * height);
  for (let row = 0; row < height; row++) {
    const rows = await reader.readRows(row * factor, factor);
    for (let column = 0; column < width; column++) {
      data[row * width + column] = squareMean(rows, reader.width, column * factor, factor);
    }
  }
  return { width, height, data, factor };
}

function squareMean(rows: Float32Array, width: number, left: number, factor: number): number {
  let sum = 0;
  let count = 0;
  for (let y = 0; y < factor; y++) {
    for (let x = left; x < left + factor; x++) {
      const value = rows[y * width + x] ?? NaN;
      if (Number.isNaN(value)) continue;
      sum += value;
      count++;
    }
  }
  return count === 0 ? NaN : sum / count;
}

function overviewSvg(small: SmallImage, result: SearchResult, title: string): string {
  const enlarge = Math.max(1, Math.floor(LONGEST_PX / 2 / Math.max(small.width, small.height)));
  const width = small.width * enlarge;
  const height = small.height * enlarge;
  const [lo, hi] = zscale(small.data);
  const image = Buffer.from(
    grayPng(small.data, small.width, small.height, { lo, hi, scale: enlarge }),
  ).toString("base64");
  const total = { width: width + 2 * MARGIN, height: height + HEAD + FOOT };
  const scale = enlarge / small.factor;
  const marks = drawnRows(result).map((i) =>
    mark(result.candidates[i], result.flags[i] ?? [], { height, scale, result })
  );
  const passed = result.flags.filter(isTransient).length;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${total.width}" height="${total.height}" ` +
    `viewBox="0 0 ${total.width} ${total.height}" font-family="DejaVu Sans" fill="#1b1f24">` +
    `<rect width="${total.width}" height="${total.height}" fill="white"/>` +
    `<text x="${MARGIN}" y="24" font-size="15" font-weight="bold">${escapeXml(title)}</text>` +
    `<text x="${MARGIN}" y="43" font-size="11.5">difference, ` +
    `${result.inputs.width} × ${result.inputs.height} px; ` +
    `${result.candidates.length} candidates, ${passed} without a flag` +
    `${result.suspicion.reason === undefined ? "" : "; all suspect"}</text>` +
    `<image x="${MARGIN}" y="${HEAD}" width="${width}" height="${height}" ` +
    `href="data:image/png;base64,${image}"/>` +
    `<g transform="translate(${MARGIN} ${HEAD})" fill="none">${marks.join("")}</g>` +
    legend(HEAD + height + 22) + "</svg>";
}

/** Flagged ones first, so that transients lie above them. */
function drawnRows(result: SearchResult): number[] {
  const rows = [...result.candidates.keys()];
  const passes = (i: number): boolean => isTransient(result.flags[i] ?? []);
  return [...rows.filter((i) => !passes(i)).slice(0, MOST_FLAGGED), ...rows.filter(passes)];
}

function mark(
  candidate: Candidate | undefined,
  flags: readonly boolean[],
  frame: { readonly height: number; readonly scale: number; readonly result: SearchResult },
): string {
  if (candidate === undefined) return "";
  const { scale, height, result } = frame;
  const passes = isTransient(flags);
  const x = ((candidate.x + 0.5) * scale).toFixed(1);
  const y = (height - (candidate.y + 0.5) * scale).toFixed(1);
  const radius = Math.max(passes ? 11 : 4, 2 * result.inputs.seeingPx * scale).toFixed(1);
  const colour = !passes ? RED : candidate.sign === 1 ? GREEN : CYAN;
  const circle = `<circle cx="${x}" cy="${y}" r="${radius}" stroke="${colour}" ` +
    `stroke-width="${passes ? 2 : 1}" stroke-opacity="${passes ? 1 : 0.75}">` +
    `<title>${candidate.number} ${raisedNames(flags).join(" ")}</title></circle>`;
  if (!passes) return circle;
  return circle +
    `<text x="${Number(x) + Number(radius) + 3}" y="${Number(y) - 6}" fill="${colour}" ` +
    `stroke="#10301c" stroke-width="2.5" paint-order="stroke" font-size="12" ` +
    `font-weight="bold">${candidate.number}</text>`;
}

const LEGEND: readonly (readonly [string, string])[] = [
  [GREEN, "transient"],
  [CYAN, "faded"],
  [RED, "flagged"],
];

function legend(y: number): string {
  return LEGEND.map(([colour, text], i) =>
    `<circle cx="${MARGIN + 8 + 100 * i}" cy="${y - 4}" r="6" fill="none" stroke="${colour}" ` +
    `stroke-width="2"/><text x="${MARGIN + 20 + 100 * i}" y="${y}" font-size="11.5">${text}</text>`
  ).join("");
}
