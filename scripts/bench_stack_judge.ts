/**
 * How far a stack of gppy is from SWarp's: noise, star fluxes and places, and pictures of the
 * difference.
 *
 * @module
 */

import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { type Image, readImage } from "../fits/image.ts";
import { readMask } from "../sky/mask.ts";
import { grayPng, stampsPng } from "../sky/pictures.ts";
import { clippedStats } from "../sky/stats.ts";
import { wcsFromHeader } from "../sky/wcs.ts";

/** Radius of the aperture, px. */
const APERTURE_PX = 6;
/** Half of the window in which a star is looked at, px. */
const REACH_PX = 10;
/** Gaussian weight of the centroid, px. */
const WINDOW_SIGMA_PX = 1.6;
/** Stars of these magnitudes are bright and not saturated. */
const BRIGHTEST_MAG = 13.5;
const FAINTEST_MAG = 17;
const STARS = 600;

interface Star {
  readonly x: number;
  readonly y: number;
  readonly mag: number;
}

/** What a star is in both pictures. */
interface Pair {
  readonly fluxRatio: number;
  readonly dx: number;
  readonly dy: number;
}

/** The files of both stacks. */
export interface Stacks {
  /** gppy's; its mask stands beside it. */
  readonly native: string;
  readonly swarp: string;
  /** What is in the sky. */
  readonly truth: string;
}

/**
 * Compares two stacks on one grid, and draws their difference as `difference.png` and `stars.png`.
 *
 * @param stacks Their files.
 * @param folder Where the pictures go.
 * @returns Lines of Markdown.
 */
export async function judge(stacks: Stacks, folder: string): Promise<string[]> {
  const [a, b] = [await readImage(stacks.native), await readImage(stacks.swarp)];
  const shape = `${a.width}×${a.height} and ${b.width}×${b.height} px`;
  if (a.width !== b.width || a.height !== b.height) return [`Sizes differ: ${shape}.`];
  const { data: mask } = await readMask(stacks.native.replace(/\.fits$/, ".mask.fits"));
  const stars = await starsOf(stacks.truth, a, mask);
  const difference = differenceOf(a, b);
  const lines = [...noiseLines(a, b, difference), ...starLines(a, b, stars)];
  await draw(a, b, difference, stars, folder);
  return lines;
}

/** NaN where one has no data. */
function differenceOf(a: Image, b: Image): Float32Array {
  return a.data.map((value, i) => value === 0 || b.data[i] === 0 ? NaN : value - b.data[i]!);
}

function noiseLines(a: Image, b: Image, difference: Float32Array): string[] {
  const every = 29;
  const sample = Array.from({ length: Math.floor(a.data.length / every) }, (_, i) => i * every)
    .filter((i) => difference[i] === difference[i]);
  const off = clippedStats(sample.map((i) => difference[i]!));
  const [native, swarp] = [a, b].map(({ data }) => clippedStats(sample.map((i) => data[i]!)));
  return [
    `- gppy − SWarp: median ${off.median.toFixed(4)} ADU, rms ${off.sigma.toFixed(3)} ADU ` +
    `(${(100 * off.sigma / swarp!.sigma).toFixed(1)} % of the noise of a pixel);`,
    `- noise of a pixel: gppy ${native!.sigma.toFixed(3)}, SWarp ${swarp!.sigma.toFixed(3)} ADU;`,
  ];
}

/** Isolated stars that no mask touches. */
async function starsOf(truth: string, image: Image, mask: Uint16Array): Promise<Star[]> {
  const rows: Record<string, string>[] = parse(await Deno.readTextFile(truth), { columns: true });
  const wcs = wcsFromHeader(image.header)!;
  const { width, height } = image;
  const magnitude = (row: Record<string, string>) => Number(row["mag_m600"]);
  const all = rows.filter((row) => row["kind"] === "star" && magnitude(row) < FAINTEST_MAG + 2)
    .map((row): Star => {
      const [x, y] = wcs.skyToPixel(Number(row["ra"]), Number(row["dec"]));
      return { x, y, mag: magnitude(row) };
    })
    .filter(({ x, y }) => x > 400 && y > 400 && x < width - 400 && y < height - 400);
  const inside = all.filter(({ mag }) => mag > BRIGHTEST_MAG && mag < FAINTEST_MAG);
  return inside.filter((star) =>
    isClean(star, mask, width) &&
    !all.some((other) =>
      other !== star && Math.hypot(other.x - star.x, other.y - star.y) < 2 * REACH_PX
    )
  ).slice(0, STARS);
}

function isClean({ x, y }: Star, mask: Uint16Array, width: number): boolean {
  for (let v = Math.round(y) - REACH_PX; v <= Math.round(y) + REACH_PX; v++) {
    for (let u = Math.round(x) - REACH_PX; u <= Math.round(x) + REACH_PX; u++) {
      if (mask[v * width + u] !== 0) return false;
    }
  }
  return true;
}

function starLines(a: Image, b: Image, stars: readonly Star[]): string[] {
  const pairs = stars.map((star): Pair => {
    const [one, two] = [a, b].map((image) => measureStar(image, star)) as [Spot, Spot];
    return { fluxRatio: one.flux / two.flux, dx: one.x - two.x, dy: one.y - two.y };
  });
  const places = stars.map((star) => ({ star, found: measureStar(a, star) }));
  const of = (values: number[]) => clippedStats(values);
  const ratio = of(pairs.map(({ fluxRatio }) => fluxRatio));
  const [dx, dy] = [of(pairs.map((pair) => pair.dx)), of(pairs.map((pair) => pair.dy))];
  const [tx, ty] = [
    of(places.map(({ star, found }) => found.x - star.x)),
    of(places.map(({ star, found }) => found.y - star.y)),
  ];
  const px = (value: number) => value.toFixed(4);
  return [
    `- ${stars.length} isolated stars of ${BRIGHTEST_MAG} to ${FAINTEST_MAG} mag: flux gppy / SWarp ` +
    `${ratio.median.toFixed(5)} ± ${ratio.sigma.toFixed(5)};`,
    `- places gppy − SWarp: (${px(dx.median)}, ${px(dy.median)}) ± (${px(dx.sigma)}, ` +
    `${px(dy.sigma)}) px; gppy − truth: (${px(tx.median)}, ${px(ty.median)}) ± (${px(tx.sigma)}, ` +
    `${px(ty.sigma)}) px.`,
  ];
}

interface Spot {
  readonly flux: number;
  readonly x: number;
  readonly y: number;
}

/** Flux in an aperture above the median around it, and the centroid under a Gaussian window. */
function measureStar(image: Image, star: Star): Spot {
  const sky = skyAround(image, star);
  let { x, y } = star;
  for (let round = 0; round < 10; round++) {
    let [sum, mx, my] = [0, 0, 0];
    eachPixel(image, star, (value, u, v) => {
      const r2 = (u - x) ** 2 + (v - y) ** 2;
      const weight = (value - sky) * Math.exp(-r2 / (2 * WINDOW_SIGMA_PX ** 2));
      sum += weight;
      mx += weight * (u - x);
      my += weight * (v - y);
    });
    x += 2 * mx / sum;
    y += 2 * my / sum;
  }
  let flux = 0;
  eachPixel(image, star, (value, u, v) => {
    // the rim counts by how far it reaches into the aperture
    const share = APERTURE_PX + 0.5 - Math.hypot(u - star.x, v - star.y);
    flux += (value - sky) * Math.min(1, Math.max(0, share));
  });
  return { flux, x, y };
}

function skyAround(image: Image, star: Star): number {
  const values: number[] = [];
  eachPixel(image, star, (value, u, v) => {
    if (Math.hypot(u - star.x, v - star.y) > APERTURE_PX + 2) values.push(value);
  });
  return clippedStats(values).median;
}

function eachPixel(
  { data, width }: Image,
  star: Star,
  work: (value: number, x: number, y: number) => void,
): void {
  for (let y = Math.round(star.y) - REACH_PX; y <= Math.round(star.y) + REACH_PX; y++) {
    for (let x = Math.round(star.x) - REACH_PX; x <= Math.round(star.x) + REACH_PX; x++) {
      work(data[y * width + x]!, x, y);
    }
  }
}

/** Side of a stamp, px. */
const STAMP_PX = 64;
const STAMPS = 3;

async function draw(
  a: Image,
  b: Image,
  difference: Float32Array,
  stars: readonly Star[],
  folder: string,
): Promise<void> {
  const { sigma } = clippedStats(difference.filter((_, i) => i % 97 === 0));
  const limits = { lo: -3 * sigma, hi: 3 * sigma };
  const whole = grayPng(difference, a.width, a.height, { lo: -sigma, hi: sigma, scale: 1 / 8 });
  await Deno.writeFile(join(folder, "difference.png"), whole);
  const bright = [...stars].sort((one, two) => one.mag - two.mag).slice(0, STAMPS);
  const stamps = bright.flatMap((star) => [
    { title: "gppy", data: cut(a.data, a.width, star), size: STAMP_PX },
    { title: "SWarp", data: cut(b.data, a.width, star), size: STAMP_PX },
    { title: "difference", data: cut(difference, a.width, star), size: STAMP_PX, ...limits },
  ]);
  const subtitle = `difference: ±${limits.hi.toFixed(2)} ADU`;
  const picture = await stampsPng(stamps, { title: "gppy − SWarp", subtitle, marker: false });
  await Deno.writeFile(join(folder, "stars.png"), picture);
}

function cut(data: Float32Array, width: number, { x, y }: Star): Float32Array {
  const [left, top] = [Math.round(x) - STAMP_PX / 2, Math.round(y) - STAMP_PX / 2];
  return Float32Array.from(
    { length: STAMP_PX ** 2 },
    (_, i) => data[(top + Math.floor(i / STAMP_PX)) * width + left + i % STAMP_PX]!,
  );
}
