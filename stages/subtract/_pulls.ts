/**
 * What tests measure on a difference over its noise.
 *
 * @module
 */

import type { TruthSource } from "./_synthetic_pair.ts";

/** 1 at pixels away from stars and from the border. */
export function skyPixels(
  stars: readonly TruthSource[],
  size: number,
  border: number,
): Uint8Array {
  const bare = new Uint8Array(size * size);
  for (let y = border; y < size - border; y++) {
    bare.fill(1, y * size + border, (y + 1) * size - border);
  }
  for (const { x, y, flux } of stars) {
    const reach = Math.min(50, 6 + Math.sqrt(flux) / 10);
    const left = Math.max(0, Math.floor(x - reach)), right = Math.min(size, Math.ceil(x + reach));
    const bottom = Math.min(size, y + reach);
    for (let row = Math.max(0, Math.floor(y - reach)); row < bottom; row++) {
      if (left < right) bare.fill(0, row * size + left, row * size + right);
    }
  }
  return bare;
}

/** Values in the cores of stars of S/N 20 to 500. */
export function starCores(
  pulls: Float32Array,
  stars: readonly TruthSource[],
  size: number,
  [least, most] = [2000, 48000],
): number[] {
  return stars.filter(({ flux }) => flux > least && flux < most).flatMap(({ x, y }) => {
    const cx = Math.round(x), cy = Math.round(y);
    if (Math.min(cx, cy) < 25 || Math.max(cx, cy) > size - 25) return [];
    return Array.from({ length: 25 }, (_, k) => {
      return pulls[(cy - 2 + Math.floor(k / 5)) * size + cx - 2 + k % 5]!;
    });
  });
}

/** Correlation of neighbours at 1, 2 … px along rows, columns and both diagonals. */
export function lagCorrelations(
  pulls: Float32Array,
  bare: Uint8Array,
  size: number,
  most: number,
): number[] {
  const correlation = (step: number) => {
    let product = 0, square = 0;
    for (let i = 0; i + step < pulls.length; i++) {
      if (!bare[i] || !bare[i + step]) continue;
      product += pulls[i]! * pulls[i + step]!;
      square += (pulls[i]! ** 2 + pulls[i + step]! ** 2) / 2;
    }
    return product / square;
  };
  return Array.from({ length: most }, (_, k) => k + 1).flatMap((lag) =>
    [lag, lag * size, lag * (size + 1), lag * (size - 1)].map(correlation)
  );
}
