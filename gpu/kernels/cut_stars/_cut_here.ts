import { meanAround } from "./mean_around.ts";
import type { CutImage, CutOptions } from "./cut_stars.ts";

/** As `cutStars()`, on the calling thread. */
export function cutHere(
  stars: readonly { readonly x: number; readonly y: number }[],
  cutOuts: Float32Array,
  options: CutOptions,
): void {
  const plane = options.side ** 2;
  cutOuts.fill(0);
  stars.forEach((star, k) => {
    cutStar(star, cutOuts.subarray(4 * k * plane, 4 * (k + 1) * plane), options);
  });
}

function cutStar(
  star: { readonly x: number; readonly y: number },
  cutOut: Float32Array,
  { width, height, images, side, halfPx, share, unusable }: CutOptions,
): void {
  const plane = side * side;
  const left = Math.round(star.x) - (side - 1) / 2, top = Math.round(star.y) - (side - 1) / 2;
  const x0 = Math.max(left, 0), x1 = Math.min(left + side, width);
  const y0 = Math.max(top, 0), y1 = Math.min(top + side, height);
  const [sharp, broad] = images;
  const ofSharp = varianceAround(star, sharp, width, height);
  const ofBroad = varianceAround(star, broad, width, height);
  for (let y = y0; y < y1; y++) {
    for (let x = x0; x < x1; x++) {
      const i = y * width + x, at = (y - top) * side + x - left;
      const a = sharp.data[i]! - sharp.skyAdu, b = broad.data[i]! - broad.skyAdu;
      const isWhole = Number.isFinite(a) && Number.isFinite(b);
      cutOut[at] = Number.isFinite(a) ? a : 0;
      cutOut[at + plane] = Number.isFinite(b) ? b : 0;
      const isInside = x - halfPx >= x0 && x + halfPx < x1 && y - halfPx >= y0 && y + halfPx < y1;
      if (!isWhole || !isInside || (sharp.mask[i]! | broad.mask[i]!) & unusable) continue;
      const own = ofSharp(x, y);
      cutOut[at + 2 * plane] = ofBroad(x, y) + share * own;
      cutOut[at + 3 * plane] = own;
    }
  }
}

/** Gives the variance of a pixel: of the sky, and of the photons of what stands above it. */
function varianceAround(
  star: { readonly x: number; readonly y: number },
  { data, gainEAdu, coverage, skyAt, sigmaAt }: CutImage,
  width: number,
  height: number,
): (x: number, y: number) => number {
  const level = skyAt(star.x, star.y), sigma = sigmaAt(star.x, star.y);
  return (x, y) => {
    const i = y * width + x, weight = coverage?.weight[i] ?? 0;
    const sky = weight > 0 ? coverage!.unit ** 2 / weight : sigma * sigma;
    if (data[i]! - level <= sigma) return sky;
    const signal = meanAround(data, i, width, height) - level;
    return signal > sigma ? sky + signal / gainEAdu : sky;
  };
}
