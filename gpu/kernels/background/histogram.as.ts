// Clips a histogram of a cell about its median, as Source Extractor does.

/** Bins at most; one more follows that counts what lies outside. */
export const MOST_BINS: u32 = 4096;

/** Values in the bins before one, once {@link clipHistogram} has summed up. */
function before(counts: usize, bin: i32): i64 {
  return <i64>load<u32>(counts + (<usize>bin << 2));
}

/** Makes running sums of the counts, so that entry i holds what is before bin i. */
function sumUp(counts: usize, bins: u32, sums: usize): void {
  let count: u32 = 0;
  let first: u64 = 0;
  let second: u64 = 0;
  for (let i: u32 = 0; i < bins; i++) {
    const at = counts + (<usize>i << 2);
    const n = load<u32>(at);
    store<u32>(at, count);
    count += n;
    const weighted = <u64>n * i;
    first += weighted;
    second += weighted * i;
  }
  store<u32>(counts + (<usize>bins << 2), count);
  store<u64>(sums, first);
  store<u64>(sums, second, 8);
}

/** Takes bins from ≤ i < to out of the sums, or with sign 1 in. */
function move(counts: usize, from: i32, to: i32, sign: i64, sums: usize): void {
  let first: i64 = 0;
  let second: i64 = 0;
  for (let i = from; i < to; i++) {
    const weighted = (before(counts, i + 1) - before(counts, i)) * i;
    first += weighted;
    second += weighted * i;
  }
  store<i64>(sums, load<i64>(sums) + sign * first);
  store<i64>(sums, load<i64>(sums, 8) + sign * second, 8);
}

/**
 * Median, in bins, of bins low ≤ i ≤ high. Source Extractor walks in from both ends, always from the
 * side where it has met fewer; the last bin it meets is the last one that has less before its
 * left neighbour than behind itself, which is found by halving.
 */
function medianBin(counts: usize, low: i32, high: i32, last: i32): f64 {
  const start = before(counts, low);
  const all = before(counts, high + 1) - start;
  let met = low;
  let end = high;
  while (met < end) {
    const bin = (met + end + 1) >> 1;
    if (before(counts, bin + 1) + before(counts, bin - 1) - 2 * start < all) met = bin;
    else end = bin - 1;
  }
  const left = before(counts, met) - start;
  const right = start + all - before(counts, met + 1);
  const own = all - left - right;
  const j = left < right ? met : met - 1;
  const below = left < right ? left + own : left;
  const above = left < right ? right : right + own;
  if (j < 0) return Math.max(0, <f64>j + 0.5);
  const next = j < last ? before(counts, j + 2) - before(counts, j + 1) : 0;
  const fullest = max(next, before(counts, j + 1) - before(counts, j));
  if (fullest <= 0) return <f64>j + 0.5;
  return <f64>j + 0.5 + <f64>(above - below) / (2 * <f64>fullest);
}

/**
 * Clips at 3 sigma about the median until sigma settles. Stores mode and sigma, in bins; the mode is
 * 2.5 median - 1.5 mean, or the median where the two are 0.3 sigma apart.
 */
export function clipHistogram(counts: usize, bins: u32, room: usize): void {
  const sums = room + 16;
  sumUp(counts, bins, sums);
  const last = <i32>bins - 1;
  let low: i32 = 0;
  let high = last;
  let mean: f64 = 0;
  let median: f64 = 0;
  let sigma: f64 = 10 * <f64>last;
  let previous: f64 = 1;
  for (let pass = 0; pass < 100 && sigma >= 0.1 && Math.abs(sigma / previous - 1) > 1e-4; pass++) {
    previous = sigma;
    const count = <f64>(before(counts, high + 1) - before(counts, low));
    median = medianBin(counts, low, high, last);
    mean = count > 0 ? <f64>load<i64>(sums) / count : 0;
    sigma = count > 0 ? Math.sqrt(Math.max(0, <f64>load<i64>(sums, 8) / count - mean * mean)) : 0;
    const left = max(0, <i32>Math.floor(median - 3 * sigma + 0.5));
    const right = min(last, <i32>Math.floor(median + 3 * sigma + 0.5));
    move(counts, low, left, -1, sums);
    move(counts, left, low, 1, sums);
    move(counts, right + 1, high + 1, -1, sums);
    move(counts, high + 1, right + 1, 1, sums);
    low = left;
    high = right;
  }
  const near = Math.abs(mean - median) < 0.3 * sigma;
  store<f64>(room, !(sigma > 0) ? mean : near ? 2.5 * median - 1.5 * mean : median);
  store<f64>(room, Math.max(sigma, 0), 8);
}
