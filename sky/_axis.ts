/**
 * Limits and ticks of an axis.
 *
 * @module
 */

/** An axis from `lo` (left, bottom) to `hi`; `lo` may be the larger. */
export interface Axis {
  /** Value at the left or lower end. */
  readonly lo: number;
  /** Value at the right or upper end. */
  readonly hi: number;
  /** Values with a number beside them. */
  readonly major: readonly number[];
  /** Values with a short mark alone. */
  readonly minor: readonly number[];
  /** Writes a major tick's value. */
  format(value: number): string;
}

/**
 * Makes an axis that holds all values, with a margin, or exactly a given range.
 *
 * @param lists Values; what is not finite is passed over.
 * @param range Limits that win over the values.
 * @returns The axis.
 */
export function makeAxis(
  lists: readonly ArrayLike<number>[],
  range?: readonly [number, number],
): Axis {
  const [lo, hi] = range ?? rangeOf(lists);
  const step = niceStep(Math.abs(hi - lo) / 6);
  const minorStep = step /
    (Math.round(step / 10 ** Math.floor(Math.log10(step) + 1e-9)) === 2 ? 4 : 5);
  const decimals = Math.min(12, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  const large = Math.max(Math.abs(lo), Math.abs(hi)) >= 1e6;
  return {
    lo,
    hi,
    major: ticks(lo, hi, step),
    minor: ticks(lo, hi, minorStep),
    format: (value) => {
      const rounded = Math.abs(value) < step / 1e6 ? 0 : value;
      const text = large ? rounded.toPrecision(4).replace("e+", "e") : rounded.toFixed(decimals);
      return text.replace("-", "−");
    },
  };
}

function rangeOf(lists: readonly ArrayLike<number>[]): [number, number] {
  let [lo, hi] = [Infinity, -Infinity];
  for (const values of lists) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (!Number.isFinite(value)) continue;
      if (value < lo) lo = value;
      if (value > hi) hi = value;
    }
  }
  if (lo > hi) return [0, 1];
  const margin = (hi - lo) * 0.05 || Math.max(Math.abs(hi) * 0.05, 0.5);
  return [lo - margin, hi + margin];
}

/** 1, 2 or 5 times a power of ten, at least `rough`. */
function niceStep(rough: number): number {
  if (!(rough > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((nice) => nice * power >= rough * (1 - 1e-9)) ?? 10;
  return factor * power;
}

function ticks(lo: number, hi: number, step: number): number[] {
  const [low, high] = [Math.min(lo, hi), Math.max(lo, hi)];
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step);
}
