/**
 * The definition of how `prepareRows()` fills gaps, for tests.
 *
 * @module
 */

/** How {@linkcode fillGaps} works. */
export interface FillGapsOptions {
  /** Pixels a row. */
  readonly width: number;
  /** Pixels with any of these bits are filled, and so are NaN. */
  readonly bits: number;
  /** Bits that a filled pixel gets besides its own; 0 if left out. */
  readonly mark?: number;
  /** A usable neighbour is looked for up to this far, px; 8 if left out. */
  readonly reachPx?: number;
}

/**
 * Replaces unusable pixels by linear interpolation between the nearest usable ones in their row.
 *
 * With a usable neighbour on one side alone, that one is taken; with none within
 * reach the pixel stays as it is. Rows do not influence each other, so strips can
 * be cut anywhere.
 *
 * @param data `[rows, width]`; changed in place.
 * @param mask `[rows, width]`; `mark` is added where a pixel was filled.
 * @param options Width, bits and reach.
 * @returns How many pixels were filled.
 */
export function fillGaps(
  data: Float32Array,
  mask: Uint16Array,
  options: FillGapsOptions,
): number {
  const { width, bits } = options;
  let filled = 0;
  for (let row = 0; row < data.length; row += width) {
    let last = -1;
    for (let x = 0; x < width; x++) {
      const i = row + x;
      if ((mask[i]! & bits) === 0 && data[i] === data[i]) {
        last = x;
        continue;
      }
      let next = x + 1;
      while (next < width && ((mask[row + next]! & bits) !== 0 || Number.isNaN(data[row + next]))) {
        next++;
      }
      filled += fillRun(data, mask, { row, last, from: x, to: next }, options);
      x = next - 1;
    }
  }
  return filled;
}

interface Run {
  readonly row: number;
  /** Last usable column before the run, −1 for none. */
  readonly last: number;
  readonly from: number;
  readonly to: number;
}

function fillRun(
  data: Float32Array,
  mask: Uint16Array,
  run: Run,
  options: FillGapsOptions,
): number {
  const { row, last, from, to } = run;
  const reach = options.reachPx ?? 8;
  let filled = 0;
  for (let x = from; x < to; x++) {
    const left = last >= 0 && x - last <= reach;
    const right = to < options.width && to - x <= reach;
    if (!left && !right) continue;
    const before = data[row + (left ? last : to)]!;
    const after = data[row + (right ? to : last)]!;
    data[row + x] = left && right ? before + (after - before) * (x - last) / (to - last) : before;
    mask[row + x]! |= options.mark ?? 0;
    filled++;
  }
  return filled;
}
