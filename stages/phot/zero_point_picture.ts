/**
 * The picture of a zero point: each star's difference against its magnitude.
 *
 * @module
 */

import { type PlotSeries, scatterPlotSvg } from "../../sky/plots.ts";
import { svgToPng } from "../../sky/pictures.ts";
import type { ZeroPointStars } from "./calibrate.ts";
import type { ZeroPoint } from "./zero_point.ts";

/** What the picture shows. */
export interface ZeroPointPicture {
  readonly title: string;
  readonly zeroPoint: ZeroPoint;
  readonly stars: ZeroPointStars;
  /** Magnitudes between which reference stars were chosen. */
  readonly magRange: readonly [number, number];
}

/** The least height of the picture on either side of zero, mag. */
const LEAST_REACH_MAG = 0.1;

/**
 * Draws the picture of a zero point.
 *
 * Residuals of the stars kept, those clipped as crosses (at the margin if they
 * lie outside), the band of one robust deviation.
 *
 * @param path Where to; written beside and renamed.
 * @param picture What it shows.
 */
export async function writeZeroPointPicture(
  path: string,
  picture: ZeroPointPicture,
): Promise<void> {
  const png = await svgToPng(zeroPointSvg(picture));
  const part = path.replace(/([^/]+)$/, ".$1.part");
  await Deno.writeFile(part, png);
  await Deno.rename(part, path);
}

/**
 * Gives the picture as SVG.
 *
 * @param picture What it shows.
 * @returns SVG.
 */
export function zeroPointSvg(picture: ZeroPointPicture): string {
  const { zeroPoint, stars } = picture;
  const reach = verticalReach(zeroPoint, stars);
  const clipped =
    zeroPoint.kept.filter((keep, i) => !keep && Number.isFinite(stars.differenceMag[i])).length;
  return scatterPlotSvg({
    title: picture.title,
    subtitle: `zero point ${zeroPoint.mag.toFixed(4)} ± ${zeroPoint.errorMag.toFixed(4)} mag · ` +
      `scatter ${zeroPoint.scatterMag.toFixed(4)} mag · ` +
      `${zeroPoint.stars} stars, ${clipped} clipped`,
    xLabel: "Reference magnitude (mag)",
    yLabel: "Residual: reference − instrumental − zero point (mag)",
    yRange: [-reach, reach],
    bands: [{ from: -zeroPoint.scatterMag, to: zeroPoint.scatterMag, label: "robust scatter" }],
    lines: [{ y: 0, color: "#44505c" }],
    series: [
      series(picture, true, reach, { label: "used", color: "#0072b2" }),
      series(picture, false, reach, {
        label: "clipped",
        color: "#d55e00",
        marker: "cross",
        size: 7,
      }),
    ].filter(({ x }) => x.length > 0),
  });
}

function verticalReach(zeroPoint: ZeroPoint, stars: ZeroPointStars): number {
  const largest = zeroPoint.kept.reduce(
    (most, keep, i) =>
      keep ? Math.max(most, Math.abs((stars.differenceMag[i] ?? NaN) - zeroPoint.mag)) : most,
    0,
  );
  return Math.max(LEAST_REACH_MAG, 1.6 * largest);
}

function series(
  { zeroPoint, stars }: ZeroPointPicture,
  wanted: boolean,
  reach: number,
  style: Omit<PlotSeries, "x" | "y">,
): PlotSeries {
  const rows = zeroPoint.kept.flatMap((keep, i) =>
    keep === wanted && Number.isFinite(stars.differenceMag[i]) ? [i] : []
  );
  const residual = (i: number): number => (stars.differenceMag[i] ?? NaN) - zeroPoint.mag;
  const inside = (value: number): number => Math.max(-0.98 * reach, Math.min(0.98 * reach, value));
  return {
    ...style,
    x: rows.map((i) => stars.referenceMag[i] ?? NaN),
    y: rows.map((i) => inside(residual(i))),
    ...(wanted ? { yError: rows.map((i) => stars.errorMag[i] ?? NaN), opacity: 0.8 } : {}),
  };
}
