// Shapes, places and fluxes of sources; float64.
//
// shapePeaks. A row is a peak. Slots: 0 image, f32; 1 mask, u16; 2 peaks, f64 [4]: column, row, level and
// noise of the sky; 3 shapes, f64 [7]: height of the mean of 3 x 3 above the sky in its noise; planes
// within two pixels; whether there is a shape (for peaks of THRESHOLD and more); its place, FWHM and
// ellipticity.
//
// measurePeaks. Slots: 0 image, 1 mask, 2 peaks, 3 shapes, 4 sources, f64 [7]: place, flux and its error,
// FWHM and ellipticity, NaN where there are none, flags. Peaks below THRESHOLD are only known to be there.
//
// Parameters: width and height of the image, then those below.

import { paramF64, paramU32, slotPointer } from "../arguments.as";
import { exponential } from "../elementary.as";
import { fitShape, FWHM_OF_SIGMA, HEIGHT, pixel, WIDTH } from "./fit_shape.as";

const THRESHOLD: u32 = 2; // f64
const UNUSABLE: u32 = 4; // planes
const SATURATED: u32 = 5; // plane
const FWHM: u32 = 6; // f64: of the stars, px
const GAIN: u32 = 8; // f64

const PEAK_BYTES: usize = 32;
const SHAPE_BYTES: usize = 56;
/** Flags as Source Extractor has them. */
const FLAG_SATURATED: u32 = 4;
const FLAG_TRUNCATED: u32 = 8;
const FLAG_CORRUPTED: u32 = 64;
const CENTRE_ROUNDS: i32 = 3;

/** Mean of 3 x 3 pixels above the sky. */
function smoothedAt(args: usize, x: i32, y: i32, sky: f64): f64 {
  const right = <i32>paramU32(args, WIDTH) - 1, bottom = <i32>paramU32(args, HEIGHT) - 1;
  let sum: f64 = 0, count: f64 = 0;
  for (let row = max(0, y - 1); row <= min(bottom, y + 1); row++) {
    for (let column = max(0, x - 1); column <= min(right, x + 1); column++) {
      const value = pixel(args, column, row);
      if (value != value) continue;
      sum += value;
      count += 1;
    }
  }
  return count == 0 ? 0 : sum / count - sky;
}

/** All planes of the pixels within a square. */
function planesNear(args: usize, x: i32, y: i32, reach: i32): u32 {
  const width = <i32>paramU32(args, WIDTH), bottom = <i32>paramU32(args, HEIGHT) - 1;
  let planes: u32 = 0;
  for (let row = max(0, y - reach); row <= min(bottom, y + reach); row++) {
    for (let column = max(0, x - reach); column <= min(width - 1, x + reach); column++) {
      planes |= load<u16>(slotPointer(args, 1) + (<usize>(row * width + column) << 1));
    }
  }
  return planes;
}

/** Working memory: six equations. */
export function shapePeaks(args: usize, from: u32, to: u32, scratch: usize): void {
  const threshold = paramF64(args, THRESHOLD);
  for (let i = from; i < to; i++) {
    const peak = slotPointer(args, 2) + <usize>i * PEAK_BYTES;
    const out = slotPointer(args, 3) + <usize>i * SHAPE_BYTES;
    const x = <i32>load<f64>(peak), y = <i32>load<f64>(peak, 8);
    const sky = load<f64>(peak, 16);
    const height = smoothedAt(args, x, y, sky) / load<f64>(peak, 24);
    memory.fill(out, 0, SHAPE_BYTES);
    store<f64>(out, height);
    if (!(height >= threshold)) continue;
    store<f64>(out, <f64>planesNear(args, x, y, 2), 8);
    if (fitShape(args, x, y, sky, scratch, out)) store<f64>(out, 1, 16);
  }
}

/** The centre of light under a Gaussian window of the width of the stars, moved along until it rests. */
function findCentre(args: usize, sky: f64, fwhm: f64, out: usize): void {
  const x0 = load<f64>(out), y0 = load<f64>(out, 8);
  const width = <i32>paramU32(args, WIDTH), bottom = <i32>paramU32(args, HEIGHT) - 1;
  const reach = <i32>ceil(1.5 * fwhm);
  const spread = 2 * (fwhm / FWHM_OF_SIGMA) * (fwhm / FWHM_OF_SIGMA);
  const cx = <i32>floor(x0 + 0.5), cy = <i32>floor(y0 + 0.5);
  const left = max(0, cx - reach), top = max(0, cy - reach);
  const lastColumn = min(width - 1, cx + reach), lastRow = min(bottom, cy + reach);
  const bend = exponential(-2 / spread);
  let x = x0, y = y0;
  for (let round: i32 = 0; round < CENTRE_ROUNDS; round++) {
    let sum: f64 = 0, sumX: f64 = 0, sumY: f64 = 0;
    // Gaussians along rows and columns by their steps
    const firstX = <f64>left - x, firstY = <f64>top - y;
    let across = exponential(-firstX * firstX / spread), down = exponential(-firstY * firstY / spread);
    const stepX = exponential(-(2 * firstX + 1) / spread);
    let stepY = exponential(-(2 * firstY + 1) / spread);
    for (let row = top; row <= lastRow; row++) {
      const line = slotPointer(args, 0) + (<usize>(row * width) << 2);
      const dy = <f64>row - y;
      let window = down * across, step = stepX;
      let rowSum: f64 = 0, rowX: f64 = 0;
      for (let column = left; column <= lastColumn; column++) {
        const value = <f64>load<f32>(line + (<usize>column << 2));
        if (value == value) {
          const light = (value - sky) * window;
          rowSum += light;
          rowX += light * (<f64>column - x);
        }
        window *= step;
        step *= bend;
      }
      sum += rowSum;
      sumX += rowX;
      sumY += rowSum * dy;
      down *= stepY;
      stepY *= bend;
    }
    if (!(sum > 0)) break;
    // under a window of its own width the centre of a star has moved half way
    x += 2 * sumX / sum;
    y += 2 * sumY / sum;
  }
  if (!(sqrt<f64>((x - x0) * (x - x0) + (y - y0) * (y - y0)) < fwhm)) return;
  store<f64>(out, x);
  store<f64>(out, y, 8);
}

/**
 * Sum above the sky of the pixels whose centres lie within a radius, and how many; true where none lies
 * beyond the image.
 */
function sumDisc(args: usize, place: usize, sky: f64, radius: f64, out: usize): bool {
  const right = <i32>paramU32(args, WIDTH) - 1, last = <i32>paramU32(args, HEIGHT) - 1;
  const x = load<f64>(place), y = load<f64>(place, 8);
  const top = <i32>ceil(y - radius), bottom = <i32>floor(y + radius);
  let sum: f64 = 0, count: f64 = 0;
  let whole = top >= 0 && bottom <= last;
  for (let row = max(0, top); row <= min(last, bottom); row++) {
    const dy = <f64>row - y;
    const half = sqrt<f64>(radius * radius - dy * dy);
    const from = <i32>ceil(x - half), to = <i32>floor(x + half);
    whole = whole && from >= 0 && to <= right;
    const line = slotPointer(args, 0) + (<usize>(row * (right + 1)) << 2);
    const end = min(right, to);
    for (let column = max(0, from); column <= end; column++) {
      const value = <f64>load<f32>(line + (<usize>column << 2));
      if (value != value) continue;
      sum += value - sky;
      count += 1;
    }
  }
  store<f64>(out, sum);
  store<f64>(out, count, 8);
  return whole;
}

/** Working memory: sum and count of two discs. */
export function measurePeaks(args: usize, from: u32, to: u32, scratch: usize): void {
  const threshold = paramF64(args, THRESHOLD), fwhm = paramF64(args, FWHM), gain = paramF64(args, GAIN);
  const unusable = paramU32(args, UNUSABLE), saturated = paramU32(args, SATURATED);
  for (let i = from; i < to; i++) {
    const peak = slotPointer(args, 2) + <usize>i * PEAK_BYTES;
    const shape = slotPointer(args, 3) + <usize>i * SHAPE_BYTES;
    const out = slotPointer(args, 4) + <usize>i * SHAPE_BYTES;
    const x = <i32>load<f64>(peak), y = <i32>load<f64>(peak, 8);
    const sky = load<f64>(peak, 16), sigma = load<f64>(peak, 24), height = load<f64>(shape);
    store<f64>(out, <f64>x);
    store<f64>(out, <f64>y, 8);
    store<f64>(out, NaN, 32);
    store<f64>(out, NaN, 40);
    store<f64>(out, 0, 48);
    if (!(height >= threshold)) {
      // what its peak amounts to over nine pixels
      store<f64>(out, 9 * height * sigma, 16);
      store<f64>(out, 3 * sigma, 24);
      continue;
    }
    if (load<f64>(shape, 16) != 0) memory.copy(out, shape + 24, 16);
    findCentre(args, sky, fwhm, out);
    const whole = sumDisc(args, out, sky, 2 * fwhm, scratch);
    sumDisc(args, out, sky, fwhm, scratch + 16);
    const flux = load<f64>(scratch), core = load<f64>(scratch, 16);
    const error = sqrt<f64>(load<f64>(scratch, 24) * sigma * sigma + max<f64>(0, core) / gain);
    const planes = planesNear(args, x, y, <i32>ceil(fwhm));
    const flags = (planes & saturated ? FLAG_SATURATED : 0) | (whole ? 0 : FLAG_TRUNCATED) |
      (planes & unusable & ~saturated ? FLAG_CORRUPTED : 0);
    store<f64>(out, flux, 16);
    store<f64>(out, abs(flux) * error / abs(core), 24);
    if (load<f64>(shape, 16) != 0) memory.copy(out + 32, shape + 40, 16);
    store<f64>(out, <f64>flags, 48);
  }
}
