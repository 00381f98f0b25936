// Shapes, places and fluxes of sources; computed in float64.
//
// shapePeaks. A row is a peak. Slots: 0 image, f32; 1 mask, u16, both from FIRST on; 2 peaks, f32 [4]: column,
// row, level and noise of the sky; 3 shapes, f32 [7]: height of the mean of 3 x 3 above the sky in its noise;
// planes within two pixels; whether there is a shape (for peaks of THRESHOLD and more); its place from the peak
// on, FWHM and ellipticity.
//
// measurePeaks. Slots: 0 image, 1 mask, 2 peaks, 3 shapes, 4 sources, f32 [7]: place from the peak on, flux and
// its error, FWHM and ellipticity, NaN where there are none, flags. Peaks below THRESHOLD are only known to be
// there.
//
// Parameters: width and height of the image, the row that the tables begin with, then those below.

import { paramF32, paramU32, slotPointer } from "../arguments.as";
import { exponential } from "../elementary.as";
import { fitShape, FWHM_OF_SIGMA, HEIGHT, pixel, placeOf, WIDTH } from "./fit_shape.as";

const THRESHOLD: u32 = 3; // f32
const UNUSABLE: u32 = 4; // planes
const SATURATED: u32 = 5; // plane
const FWHM: u32 = 6; // f32: of the stars, px
const GAIN: u32 = 7; // f32

const PEAK_BYTES: usize = 16;
const SHAPE_BYTES: usize = 28;
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
      planes |= load<u16>(slotPointer(args, 1) + (placeOf(args, column, row) << 1));
    }
  }
  return planes;
}

/** Working memory: six equations. */
export function shapePeaks(args: usize, from: u32, to: u32, scratch: usize): void {
  const threshold = <f64>paramF32(args, THRESHOLD);
  for (let i = from; i < to; i++) {
    const peak = slotPointer(args, 2) + <usize>i * PEAK_BYTES;
    const out = slotPointer(args, 3) + <usize>i * SHAPE_BYTES;
    const x = <i32>load<f32>(peak), y = <i32>load<f32>(peak, 4);
    const sky = <f64>load<f32>(peak, 8);
    const height = smoothedAt(args, x, y, sky) / <f64>load<f32>(peak, 12);
    memory.fill(out, 0, SHAPE_BYTES);
    store<f32>(out, <f32>height);
    if (!(height >= threshold)) continue;
    store<f32>(out, <f32>planesNear(args, x, y, 2), 4);
    if (fitShape(args, x, y, sky, scratch, out)) store<f32>(out, 1, 8);
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
      const line = slotPointer(args, 0) + (placeOf(args, 0, row) << 2);
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
    const line = slotPointer(args, 0) + (placeOf(args, 0, row) << 2);
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

/** Working memory: sum and count of two discs, then a place. */
export function measurePeaks(args: usize, from: u32, to: u32, scratch: usize): void {
  const threshold = <f64>paramF32(args, THRESHOLD), fwhm = <f64>paramF32(args, FWHM);
  const gain = <f64>paramF32(args, GAIN);
  const unusable = paramU32(args, UNUSABLE), saturated = paramU32(args, SATURATED);
  const place = scratch + 32;
  for (let i = from; i < to; i++) {
    const peak = slotPointer(args, 2) + <usize>i * PEAK_BYTES;
    const shape = slotPointer(args, 3) + <usize>i * SHAPE_BYTES;
    const out = slotPointer(args, 4) + <usize>i * SHAPE_BYTES;
    const x = <i32>load<f32>(peak), y = <i32>load<f32>(peak, 4);
    const sky = <f64>load<f32>(peak, 8), sigma = <f64>load<f32>(peak, 12), height = <f64>load<f32>(shape);
    const isBright = height >= threshold, known = isBright && load<f32>(shape, 8) != 0;
    memory.fill(out, 0, SHAPE_BYTES);
    store<f32>(out, known ? load<f32>(shape, 20) : <f32>NaN, 16);
    store<f32>(out, known ? load<f32>(shape, 24) : <f32>NaN, 20);
    if (!isBright) {
      // what its peak amounts to over nine pixels
      store<f32>(out, <f32>(9 * height * sigma), 8);
      store<f32>(out, <f32>(3 * sigma), 12);
      continue;
    }
    store<f64>(place, <f64>x + <f64>load<f32>(shape, 12));
    store<f64>(place, <f64>y + <f64>load<f32>(shape, 16), 8);
    findCentre(args, sky, fwhm, place);
    store<f32>(out, <f32>(load<f64>(place) - <f64>x));
    store<f32>(out, <f32>(load<f64>(place, 8) - <f64>y), 4);
    const whole = sumDisc(args, place, sky, 2 * fwhm, scratch);
    sumDisc(args, place, sky, fwhm, scratch + 16);
    const flux = load<f64>(scratch), core = load<f64>(scratch, 16);
    const error = sqrt<f64>(load<f64>(scratch, 24) * sigma * sigma + max<f64>(0, core) / gain);
    const planes = planesNear(args, x, y, <i32>ceil(fwhm));
    const flags = (planes & saturated ? FLAG_SATURATED : 0) | (whole ? 0 : FLAG_TRUNCATED) |
      (planes & unusable & ~saturated ? FLAG_CORRUPTED : 0);
    store<f32>(out, <f32>flux, 8);
    store<f32>(out, <f32>(abs(flux) * error / abs(core)), 12);
    store<f32>(out, <f32>flags, 24);
  }
}
