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
// Parameters: see below.

import { exponential, ln } from "../elementary.as";
import { paramF64, paramU32, slotPointer } from "../arguments.as";

const WIDTH: u32 = 0; // of the image
const HEIGHT: u32 = 1;
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
/** The core of a source lies within so many pixels of its peak. */
const CORE_REACH: i32 = 12;
const FWHM_OF_SIGMA: f64 = 2.3548;
const CENTRE_ROUNDS: i32 = 3;

function pixel(args: usize, x: i32, y: i32): f64 {
  const at = y * <i32>paramU32(args, WIDTH) + x;
  return <f64>load<f32>(slotPointer(args, 0) + (<usize>at << 2));
}

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

/** How far the core reaches from its peak; 0 where it leaves the image or has no end. */
function coreReach(args: usize, x: i32, y: i32, sky: f64): i32 {
  const right = <i32>paramU32(args, WIDTH) - 1, bottom = <i32>paramU32(args, HEIGHT) - 1;
  const most = min(CORE_REACH, min(min(x, y), min(right - x, bottom - y)));
  const floor = (pixel(args, x, y) - sky) / 3;
  for (let reach: i32 = 1; reach <= most; reach++) {
    const around = pixel(args, x - reach, y) + pixel(args, x + reach, y) +
      pixel(args, x, y - reach) + pixel(args, x, y + reach);
    if (around / 4 - sky < floor) return reach;
  }
  return 0;
}

function at(a: usize, row: i32, column: i32): usize {
  return a + (<usize>(row * 7 + column) << 3);
}

/** Solves six equations by elimination with pivots; false when they do not determine anything. */
function eliminate(a: usize): bool {
  for (let i: i32 = 0; i < 6; i++) {
    let pivot = i;
    for (let r = i + 1; r < 6; r++) {
      if (abs(load<f64>(at(a, r, i))) > abs(load<f64>(at(a, pivot, i)))) pivot = r;
    }
    if (!(abs(load<f64>(at(a, pivot, i))) > 1e-12 * abs(load<f64>(a)))) return false;
    for (let c: i32 = 0; c < 7; c++) {
      const value = load<f64>(at(a, i, c));
      store<f64>(at(a, i, c), load<f64>(at(a, pivot, c)));
      store<f64>(at(a, pivot, c), value);
    }
    for (let r: i32 = 0; r < 6; r++) {
      if (r == i) continue;
      const factor = load<f64>(at(a, r, i)) / load<f64>(at(a, i, i));
      for (let c = i; c < 7; c++) {
        store<f64>(at(a, r, c), load<f64>(at(a, r, c)) - factor * load<f64>(at(a, i, c)));
      }
    }
  }
  return true;
}

/**
 * Lays a Gaussian through the logarithm of the pixels above a third of the peak, weighted with the square of
 * the signal; shape from the curvature. `sums`: room for the equations and a row of them.
 */
function fitShape(args: usize, x0: i32, y0: i32, sky: f64, sums: usize, out: usize): bool {
  const reach = coreReach(args, x0, y0, sky);
  if (reach == 0) return false;
  const floor = (pixel(args, x0, y0) - sky) / 3;
  const line = sums + 6 * 7 * 8;
  memory.fill(sums, 0, 6 * 7 * 8);
  let count: i32 = 0;
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const signal = pixel(args, x0 + dx, y0 + dy) - sky;
      if (!(signal > floor) || dx * dx + dy * dy > reach * reach + 1) continue;
      const x = <f64>dx, y = <f64>dy;
      store<f64>(line, 1);
      store<f64>(line, x, 8);
      store<f64>(line, y, 16);
      store<f64>(line, x * x, 24);
      store<f64>(line, x * y, 32);
      store<f64>(line, y * y, 40);
      store<f64>(line, ln(signal), 48);
      for (let i: i32 = 0; i < 6; i++) {
        const weight = signal * signal * load<f64>(line + (<usize>i << 3));
        for (let c: i32 = 0; c < 7; c++) {
          const to = at(sums, i, c);
          store<f64>(to, load<f64>(to) + weight * load<f64>(line + (<usize>c << 3)));
        }
      }
      count++;
    }
  }
  return count >= 7 && eliminate(sums) && shapeFrom(sums, x0, y0, reach, out);
}

function coefficient(a: usize, i: i32): f64 {
  return load<f64>(at(a, i, 6)) / load<f64>(at(a, i, i));
}

function shapeFrom(a: usize, x0: i32, y0: i32, reach: i32, out: usize): bool {
  const c1 = coefficient(a, 1), c2 = coefficient(a, 2);
  const c3 = coefficient(a, 3), c4 = coefficient(a, 4), c5 = coefficient(a, 5);
  const determinant = 4 * c3 * c5 - c4 * c4;
  if (!(c3 < 0 && c5 < 0 && determinant > 0)) return false;
  const dx = (c4 * c2 - 2 * c5 * c1) / determinant, dy = (c4 * c1 - 2 * c3 * c2) / determinant;
  if (sqrt<f64>(dx * dx + dy * dy) > <f64>reach) return false;
  const mean = -(c3 + c5) / 2, half = (c3 - c5) / 2;
  const split = sqrt<f64>(half * half + c4 * c4 / 4);
  // exp(-mean r^2): the axes have mean +- split
  const minor = 1 / sqrt<f64>(2 * (mean + split)), major = 1 / sqrt<f64>(2 * (mean - split));
  store<f64>(out, <f64>x0 + dx, 24);
  store<f64>(out, <f64>y0 + dy, 32);
  store<f64>(out, FWHM_OF_SIGMA * sqrt<f64>(minor * major), 40);
  store<f64>(out, 1 - minor / major, 48);
  return true;
}

/** Working memory: six equations and a row of seven. */
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
  const right = <i32>paramU32(args, WIDTH) - 1, bottom = <i32>paramU32(args, HEIGHT) - 1;
  const reach = <i32>ceil(1.5 * fwhm);
  const spread = 2 * (fwhm / FWHM_OF_SIGMA) * (fwhm / FWHM_OF_SIGMA);
  const cx = <i32>floor(x0 + 0.5), cy = <i32>floor(y0 + 0.5);
  const left = max(0, cx - reach), top = max(0, cy - reach);
  let x = x0, y = y0;
  for (let round: i32 = 0; round < CENTRE_ROUNDS; round++) {
    let sum: f64 = 0, sumX: f64 = 0, sumY: f64 = 0;
    for (let row = top; row <= min(bottom, cy + reach); row++) {
      const dy = <f64>row - y;
      const down = exponential(-dy * dy / spread);
      // the Gaussian along the row by its steps: two factors a pixel
      const first = <f64>left - x;
      let window = down * exponential(-first * first / spread);
      let step = exponential(-(2 * first + 1) / spread);
      const bend = exponential(-2 / spread);
      for (let column = left; column <= min(right, cx + reach); column++) {
        const value = pixel(args, column, row);
        if (value == value) {
          const light = (value - sky) * window;
          sum += light;
          sumX += light * (<f64>column - x);
          sumY += light * dy;
        }
        window *= step;
        step *= bend;
      }
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
    for (let column = max(0, from); column <= min(right, to); column++) {
      const value = pixel(args, column, row);
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
