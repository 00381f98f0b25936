/**
 * The frame of a plot: axes, ticks, grid, labels, title.
 *
 * @module
 */

import type { Axis } from "./_axis.ts";
import { escapeXml } from "./svg_png.ts";

/** Where a plot's inside lies in the drawing, and how values map onto it. */
export interface PlotBox {
  /** Width of the drawing, px. */
  readonly width: number;
  /** Height of the drawing, px. */
  readonly height: number;
  /** Left side of the inside, px. */
  readonly left: number;
  /** Right side of the inside, px. */
  readonly right: number;
  /** Top of the inside, px. */
  readonly top: number;
  /** Bottom of the inside, px. */
  readonly bottom: number;
  /** Limits and ticks along x. */
  readonly xAxis: Axis;
  /** Limits and ticks along y. */
  readonly yAxis: Axis;
  /** Place of a value along x. */
  x(value: number): number;
  /** Place of a value along y. */
  y(value: number): number;
}

/** Titles of a plot and its axes. */
export interface PlotTitles {
  /** Above the plot, bold. */
  readonly title: string;
  /** Below the title. */
  readonly subtitle?: string;
  /** Below the plot. */
  readonly xLabel: string;
  /** Beside the plot, upright. */
  readonly yLabel: string;
}

const MAJOR_PX = 7;
const MINOR_PX = 3.5;

/**
 * Draws grid, ticks on all four sides, numbers, labels and titles.
 *
 * @param box Place and axes.
 * @param titles Texts.
 * @returns SVG elements.
 */
export function drawFrame(box: PlotBox, titles: PlotTitles): string {
  const { left, right, top, bottom } = box;
  const frame = `<rect x="${left}" y="${top}" width="${right - left}" height="${bottom - top}" ` +
    `fill="none" stroke="#1b1f24" stroke-width="1.2"/>`;
  return grid(box) + tickMarks(box) + frame + numbers(box) + texts(box, titles);
}

function grid({ xAxis, yAxis, x, y, left, right, top, bottom }: PlotBox): string {
  const path = xAxis.major.map((value) => `M${x(value).toFixed(2)} ${top}V${bottom}`).join("") +
    yAxis.major.map((value) => `M${left} ${y(value).toFixed(2)}H${right}`).join("");
  return `<path d="${path}" stroke="#8b98a5" stroke-opacity="0.25"/>`;
}

function tickMarks({ xAxis, yAxis, x, y, left, right, top, bottom }: PlotBox): string {
  const marks = (values: readonly number[], place: (value: number) => number, px: number) =>
    values.map((value) => ({ at: place(value).toFixed(2), px }));
  const path = [...marks(xAxis.major, x, MAJOR_PX), ...marks(xAxis.minor, x, MINOR_PX)]
    .map(({ at, px }) => `M${at} ${bottom}v${-px}M${at} ${top}v${px}`).join("") +
    [...marks(yAxis.major, y, MAJOR_PX), ...marks(yAxis.minor, y, MINOR_PX)]
      .map(({ at, px }) => `M${left} ${at}h${px}M${right} ${at}h${-px}`).join("");
  return `<path d="${path}" stroke="#1b1f24"/>`;
}

function numbers({ xAxis, yAxis, x, y, left, bottom }: PlotBox): string {
  const below = xAxis.major.map((value) =>
    `<text x="${x(value).toFixed(2)}" y="${bottom + 18}" font-size="12" ` +
    `text-anchor="middle">${xAxis.format(value)}</text>`
  );
  const beside = yAxis.major.map((value) =>
    `<text x="${left - 8}" y="${(y(value) + 4.2).toFixed(2)}" font-size="12" ` +
    `text-anchor="end">${yAxis.format(value)}</text>`
  );
  return below.join("") + beside.join("");
}

function texts(
  { left, right, top, bottom, height }: PlotBox,
  { title, subtitle, xLabel, yLabel }: PlotTitles,
): string {
  const middle = (top + bottom) / 2;
  return `<text x="${left}" y="27" font-size="15" font-weight="bold">${escapeXml(title)}</text>` +
    (subtitle === undefined
      ? ""
      : `<text x="${left}" y="46" font-size="11.5" fill="#4a5560">${escapeXml(subtitle)}</text>`) +
    `<text x="${(left + right) / 2}" y="${height - 14}" font-size="13" ` +
    `text-anchor="middle">${escapeXml(xLabel)}</text>` +
    `<text transform="translate(20 ${middle}) rotate(-90)" font-size="13" ` +
    `text-anchor="middle">${escapeXml(yLabel)}</text>`;
}
