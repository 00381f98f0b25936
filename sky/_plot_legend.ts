/**
 * The legend of a plot.
 *
 * @module
 */

import type { PlotBox } from "./_plot_frame.ts";
import { escapeXml } from "./svg_png.ts";

/** An entry of the legend. */
export interface LegendEntry {
  /** SVG at the place (0, 0), 18 px wide. */
  readonly mark: string;
  /** The text beside it. */
  readonly label: string;
}

/**
 * Draws the legend on white, in the corner where it hides the fewest points.
 *
 * @param entries What to name; nothing is drawn without any.
 * @param box Place of the plot.
 * @param points Where the points stand in the drawing.
 * @returns SVG elements.
 */
export function drawLegend(
  entries: readonly LegendEntry[],
  box: PlotBox,
  points: readonly (readonly [x: number, y: number])[],
): string {
  if (entries.length === 0) return "";
  const longest = Math.max(...entries.map(({ label }) => label.length));
  const width = 44 + longest * 6.4;
  const height = 10 + entries.length * 17;
  const corners = [box.top + 10, box.bottom - height - 10].flatMap((y) =>
    [box.right - width - 10, box.left + 10].map((x) => ({ x, y }))
  );
  const hidden = corners.map(({ x, y }) =>
    points.filter(([px, py]) =>
      px > x - 4 && px < x + width + 4 && py > y - 4 && py < y + height + 4
    ).length
  );
  const { x, y } = corners[hidden.indexOf(Math.min(...hidden))]!;
  const rows = entries.map(({ mark, label }, i) =>
    `<g transform="translate(${num(x + 8)} ${num(y + 14 + i * 17)})">${mark}` +
    `<text x="26" y="4" font-size="11">${escapeXml(label)}</text></g>`
  );
  return `<rect x="${num(x)}" y="${num(y)}" width="${num(width)}" height="${height}" rx="3" ` +
    `fill="white" fill-opacity="0.88" stroke="#c5ccd3"/>` + rows.join("");
}

function num(value: number): string {
  return value.toFixed(2);
}
