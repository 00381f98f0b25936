/**
 * Diagnostic plots as SVG: scatter plots with error bars and lines, and histograms.
 *
 * @module
 */

import { type Axis, makeAxis } from "./_axis.ts";
import { drawFrame, type PlotBox } from "./_plot_frame.ts";
import { drawLegend, type LegendEntry } from "./_plot_legend.ts";
import { FONT_FAMILY } from "./svg_png.ts";

/** Points of one kind. Arrays of one length; points with NaN are not drawn. */
export interface PlotSeries {
  /** Places along x. */
  readonly x: ArrayLike<number>;
  /** Places along y. */
  readonly y: ArrayLike<number>;
  /** Half length of a vertical bar; none where NaN or 0. */
  readonly yError?: ArrayLike<number>;
  /** For the legend. */
  readonly label?: string;
  /** Any SVG colour; one after the other from a palette if left out. */
  readonly color?: string;
  /** Form of the points; circle. */
  readonly marker?: "circle" | "open" | "cross";
  /** Diameter in px of the drawing; 5. */
  readonly size?: number;
  /** From 0 to 1; 0.75. */
  readonly opacity?: number;
  /** Joins the points by a line, without markers. */
  readonly joined?: boolean;
}

/** A straight line across the plot. */
export interface PlotLine {
  /** A horizontal line at this height, or with `slope` the height at x = 0. */
  readonly y?: number;
  /** Rise of y for each step of x; 0. */
  readonly slope?: number;
  /** A vertical line. */
  readonly x?: number;
  /** Any SVG colour; red. */
  readonly color?: string;
  /** Dashes instead of a full line. */
  readonly dashed?: boolean;
  /** For the legend. */
  readonly label?: string;
}

/** A horizontal band across the plot, behind all else. */
export interface PlotBand {
  /** One side, a value of y. */
  readonly from: number;
  /** The other side. */
  readonly to: number;
  /** Any SVG colour; light blue. */
  readonly color?: string;
  /** For the legend. */
  readonly label?: string;
}

/** What all plots have. */
export interface PlotOptions {
  /** Above the plot, bold. */
  readonly title: string;
  /** Below the title, smaller: the image, the numbers that count. */
  readonly subtitle?: string;
  /** With the unit: "Magnitude (AB mag)". */
  readonly xLabel: string;
  /** With the unit. */
  readonly yLabel: string;
  /** Lines across the plot, over the points. */
  readonly lines?: readonly PlotLine[];
  /** Bands across the plot, behind all else. */
  readonly bands?: readonly PlotBand[];
  /** Limits; from the data if left out. Give the larger first to turn an axis round. */
  readonly xRange?: readonly [number, number];
  /** As `xRange`. */
  readonly yRange?: readonly [number, number];
  /** Size of the drawing; 720 by 460. */
  readonly width?: number;
  /** As `width`. */
  readonly height?: number;
}

/** A scatter plot. */
export interface ScatterPlot extends PlotOptions {
  /** Points, drawn in this order. */
  readonly series: readonly PlotSeries[];
}

/** A histogram. */
export interface HistogramPlot extends PlotOptions {
  /** What is counted; NaN is passed over. */
  readonly values: ArrayLike<number>;
  /** Bars between the limits of x; 40. */
  readonly bins?: number;
  /** Any SVG colour; blue. */
  readonly color?: string;
  /** For the legend. */
  readonly label?: string;
}

/** Colours that differ for the colour-blind too (Okabe & Ito 2008). */
const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const LINE_COLOR = "#c1272d";
const BAND_COLOR = "#d9e2ec";

/**
 * Draws points, error bars, lines and bands between axes.
 *
 * @param plot What to draw.
 * @returns SVG; `svgToPng` makes a PNG of it.
 */
export function scatterPlotSvg(plot: ScatterPlot): string {
  const xs = plot.series.map(({ x }) => x);
  const ys = plot.series.flatMap(withErrors);
  const referenced = (plot.lines ?? []).flatMap(({ y, slope }) =>
    y === undefined || slope !== undefined ? [] : [y]
  );
  const box = plotBox(plot, makeAxis(xs, plot.xRange), makeAxis([...ys, referenced], plot.yRange));
  const series = plot.series.map((one, i) => ({ color: PALETTE[i % PALETTE.length]!, ...one }));
  const legend = series.flatMap((one) => one.label === undefined ? [] : [seriesEntry(one)]);
  const content = series.map((one) => drawSeries(one, box)).join("");
  return compose(plot, box, content, legend, series.flatMap((one) => placesOf(one, box)));
}

/** Where the points and the ends of their bars stand in the drawing; NaN for no place. */
function placesOf(series: PlotSeries, box: PlotBox): (readonly [number, number])[] {
  return withErrors(series).flatMap((y) =>
    Array.from(series.x, (x, i) => [box.x(x), box.y(y[i]!)] as const)
  );
}

function withErrors({ y, yError }: PlotSeries): ArrayLike<number>[] {
  if (yError === undefined) return [y];
  const finite = (i: number) => Number.isFinite(yError[i]!) ? yError[i]! : 0;
  return [
    Array.from(y, (value, i) => value - finite(i)),
    Array.from(y, (value, i) => value + finite(i)),
  ];
}

/**
 * Draws how often values occur.
 *
 * @param plot What to draw.
 * @returns SVG; `svgToPng` makes a PNG of it.
 */
export function histogramPlotSvg(plot: HistogramPlot): string {
  const { bins = 40, color = PALETTE[0]! } = plot;
  const xAxis = makeAxis([plot.values], plot.xRange);
  const [low, high] = [Math.min(xAxis.lo, xAxis.hi), Math.max(xAxis.lo, xAxis.hi)];
  const counts = new Array<number>(bins).fill(0);
  for (let i = 0; i < plot.values.length; i++) {
    const bin = Math.floor((plot.values[i]! - low) / (high - low) * bins);
    if (bin >= 0 && bin < bins) counts[bin]!++;
  }
  const most = Math.max(1, ...counts);
  const box = plotBox(plot, xAxis, makeAxis([], plot.yRange ?? [0, most * 1.08]));
  const step = (high - low) / bins;
  const bars = counts.map((count, i) => {
    const [x0, x1] = [box.x(low + i * step), box.x(low + (i + 1) * step)];
    const top = box.y(count);
    return `<rect x="${n(Math.min(x0, x1))}" y="${n(top)}" width="${n(Math.abs(x1 - x0))}" ` +
      `height="${n(box.y(0) - top)}" fill="${color}" fill-opacity="0.75" ` +
      `stroke="white" stroke-width="0.6"/>`;
  });
  const mark = `<rect x="3" y="-5" width="12" height="10" fill="${color}" fill-opacity="0.75"/>`;
  const legend = plot.label === undefined ? [] : [{ mark, label: plot.label }];
  const tops = counts.map((count, i) => [box.x(low + (i + 0.5) * step), box.y(count)] as const);
  return compose(plot, box, bars.join(""), legend, tops);
}

function plotBox(plot: PlotOptions, xAxis: Axis, yAxis: Axis): PlotBox {
  const { width = 720, height = 460 } = plot;
  const [left, right, bottom] = [78, width - 22, height - 56];
  const top = plot.subtitle === undefined ? 46 : 62;
  const across = (value: number) =>
    left + (value - xAxis.lo) / (xAxis.hi - xAxis.lo) * (right - left);
  const up = (value: number) =>
    bottom - (value - yAxis.lo) / (yAxis.hi - yAxis.lo) * (bottom - top);
  return { width, height, left, right, top, bottom, xAxis, yAxis, x: across, y: up };
}

function compose(
  plot: PlotOptions,
  box: PlotBox,
  content: string,
  entries: readonly LegendEntry[],
  points: readonly (readonly [x: number, y: number])[],
): string {
  const { left, right, top, bottom, width, height } = box;
  const legend = [...entries, ...lineEntries(plot)];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
    `viewBox="0 0 ${width} ${height}" font-family="${FONT_FAMILY}" fill="#1b1f24">` +
    `<rect width="${width}" height="${height}" fill="white"/>` +
    `<clipPath id="inside"><rect x="${left}" y="${top}" width="${right - left}" ` +
    `height="${bottom - top}"/></clipPath>` +
    `<g clip-path="url(#inside)">${drawBands(plot, box)}</g>` +
    drawFrame(box, plot) +
    `<g clip-path="url(#inside)">${content}${drawLines(plot, box)}</g>` +
    drawLegend(legend, box, points) + "</svg>";
}

function n(value: number): string {
  return value.toFixed(2);
}

function drawSeries(series: PlotSeries & { readonly color: string }, box: PlotBox): string {
  const { x, y, yError, color, opacity = 0.75 } = series;
  const points: [number, number][] = [];
  let bars = "";
  for (let i = 0; i < x.length; i++) {
    const [px, py] = [box.x(x[i]!), box.y(y[i]!)];
    if (!Number.isFinite(px) || !Number.isFinite(py)) continue;
    points.push([px, py]);
    const error = yError?.[i] ?? 0;
    if (error > 0 && Number.isFinite(error)) {
      bars += `M${n(px)} ${n(box.y(y[i]! - error))}V${n(box.y(y[i]! + error))}`;
    }
  }
  if (series.joined) {
    const path = points.map(([px, py]) => `${n(px)} ${n(py)}`).join("L");
    return path === ""
      ? ""
      : `<path d="M${path}" fill="none" stroke="${color}" stroke-width="1.6"/>`;
  }
  const marks = points.map(([px, py]) => marker(series, color, px, py)).join("");
  return `<g opacity="${opacity}">` +
    (bars === "" ? "" : `<path d="${bars}" stroke="${color}" stroke-opacity="0.45"/>`) +
    `${marks}</g>`;
}

function marker(
  { marker: kind = "circle", size = 5 }: PlotSeries,
  color: string,
  x: number,
  y: number,
): string {
  const r = size / 2;
  if (kind === "cross") {
    return `<path d="M${n(x - r)} ${n(y - r)}l${n(size)} ${n(size)}m0 ${n(-size)}` +
      `l${n(-size)} ${n(size)}" stroke="${color}" stroke-width="1.2" fill="none"/>`;
  }
  const paint = kind === "open" ? `fill="white" stroke="${color}"` : `fill="${color}"`;
  return `<circle cx="${n(x)}" cy="${n(y)}" r="${n(r)}" ${paint}/>`;
}

function seriesEntry(series: PlotSeries & { readonly color: string }): LegendEntry {
  const mark = series.joined
    ? `<path d="M0 0H18" stroke="${series.color}" stroke-width="1.6"/>`
    : marker({ ...series, size: Math.max(5, series.size ?? 5) }, series.color, 9, 0);
  return { mark, label: series.label ?? "" };
}

function drawBands({ bands = [] }: PlotOptions, box: PlotBox): string {
  return bands.map(({ from, to, color = BAND_COLOR }) => {
    const [a, b] = [box.y(from), box.y(to)];
    return `<rect x="${box.left}" y="${n(Math.min(a, b))}" width="${box.right - box.left}" ` +
      `height="${n(Math.abs(b - a))}" fill="${color}"/>`;
  }).join("");
}

const DASHES = 'stroke-dasharray="6 4"';

function drawLines({ lines = [] }: PlotOptions, box: PlotBox): string {
  const { xAxis, left, right, top, bottom } = box;
  return lines.map(({ x, y = 0, slope = 0, color = LINE_COLOR, dashed }) => {
    const path = x !== undefined
      ? `M${n(box.x(x))} ${top}V${bottom}`
      : `M${left} ${n(box.y(y + slope * xAxis.lo))}L${right} ${n(box.y(y + slope * xAxis.hi))}`;
    return `<path d="${path}" stroke="${color}" stroke-width="1.4" ${dashed ? DASHES : ""}/>`;
  }).join("");
}

function lineEntries({ lines = [], bands = [] }: PlotOptions): LegendEntry[] {
  const ofLines = lines.flatMap(({ label, color = LINE_COLOR, dashed }) => {
    const mark = `<path d="M0 0H18" stroke="${color}" stroke-width="1.4" ${dashed ? DASHES : ""}/>`;
    return label === undefined ? [] : [{ mark, label }];
  });
  const ofBands = bands.flatMap(({ label, color = BAND_COLOR }) => {
    const mark = `<rect x="0" y="-5" width="18" height="10" fill="${color}"/>`;
    return label === undefined ? [] : [{ mark, label }];
  });
  return [...ofLines, ...ofBands];
}
