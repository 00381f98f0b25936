// Level and noise of the sky in cells of an image, by the clipped histogram of Source Extractor.
// One workgroup a cell; a row of the job is a row of cells.
// image [rows of cells, mesh, width].  mask: two u16 a word, alike.  heights [rows of cells]: rows of
// pixels.  cells [rows of cells, columns, 3]: level, sigma (bits of f32), good pixels.
override WORKGROUP: u32 = 256u;

struct Params {
  job_width: u32, rows: u32, top: u32, input_rows: u32,
  width: u32, mesh: u32, columns: u32, bits: u32,
  masked: u32,
}

@group(0) @binding(0) var<storage, read> image: array<f32>;
@group(0) @binding(1) var<storage, read> mask: array<u32>;
@group(0) @binding(2) var<storage, read> heights: array<u32>;
@group(0) @binding(3) var<storage, read_write> cells: array<u32>;
@group(0) @binding(4) var<uniform> params: Params;

const MOST_BINS = 4096u;
const REACH_SIGMA = 5.0;
const BINS_A_VALUE = 0.9973557;                // sqrt(2 / pi) * 5 / 4: a Gaussian has 4 in its fullest bin
const FAR = 3.4e38;
const NO_NUMBER = 0x7fc00000u;

struct Cell { first: u32, width: u32, pixels: u32 }
struct Clip { low: i32, high: i32, median: f32 }

var<workgroup> counts: array<atomic<u32>, MOST_BINS>;   // then: values in the bins before each
var<workgroup> partial: array<vec4f, WORKGROUP>;
var<workgroup> running: array<u32, WORKGROUP>;
var<workgroup> first_good: atomic<u32>;
var<workgroup> origin: f32;
var<workgroup> all_counted: u32;
var<workgroup> clip: Clip;

fn is_good(i: u32) -> bool {
  if ((bitcast<u32>(image[i]) & 0x7fffffffu) >= 0x7f800000u) { return false; }
  return params.masked == 0u || ((mask[i / 2u] >> (16u * (i & 1u))) & params.bits) == 0u;
}

fn place_of(cell: Cell, pixel: u32) -> u32 {
  let y = pixel / cell.width;
  return cell.first + y * params.width + pixel - y * cell.width;
}

// Sum over all lanes, the same in each.
fn sum_up(lane: u32, value: vec4f) -> vec4f {
  partial[lane] = value;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { partial[lane] += partial[lane + half]; }
  }
  return workgroupUniformLoad(&partial[0]);
}

// Count, mean and sigma of good pixels from low to high: the mean first, the squares about it.
fn moments(lane: u32, cell: Cell, start: f32, low: f32, high: f32) -> vec3f {
  var sums = vec4f(0.0);
  for (var pixel = lane; pixel < cell.pixels; pixel += WORKGROUP) {
    let i = place_of(cell, pixel);
    let v = image[i];
    if (is_good(i) && v >= low && v <= high) { sums += vec4f(1.0, v - start, 0.0, 0.0); }
  }
  sums = sum_up(lane, sums);
  let mean = start + sums.y / max(sums.x, 1.0);
  var squares = vec4f(0.0);
  for (var pixel = lane; pixel < cell.pixels; pixel += WORKGROUP) {
    let i = place_of(cell, pixel);
    let v = image[i];
    if (is_good(i) && v >= low && v <= high) {
      let away = v - mean;
      squares += vec4f(away, away * away, 0.0, 0.0);
    }
  }
  squares = sum_up(lane, squares) / max(sums.x, 1.0);
  return vec3f(sums.x, mean + squares.x, sqrt(max(0.0, squares.y - squares.x * squares.x)));
}

fn fill_histogram(lane: u32, cell: Cell, mean: f32, inverse: f32, bins: u32) {
  let shift = 0.5 * f32(bins) + 0.499999;
  for (var pixel = lane; pixel < cell.pixels; pixel += WORKGROUP) {
    let i = place_of(cell, pixel);
    if (!is_good(i)) { continue; }
    let place = (image[i] - mean) * inverse + shift;
    if (place >= 0.0 && place < f32(bins)) { atomicAdd(&counts[u32(place)], 1u); }
  }
  workgroupBarrier();
}

// Makes counts the number of values before each bin.
fn sum_counts(lane: u32) {
  let size = MOST_BINS / WORKGROUP;
  var own = 0u;
  for (var k = 0u; k < size; k++) { own += atomicLoad(&counts[lane * size + k]); }
  running[lane] = own;
  workgroupBarrier();
  if (lane == 0u) {
    var sum = 0u;
    for (var k = 0u; k < WORKGROUP; k++) {
      let n = running[k];
      running[k] = sum;
      sum += n;
    }
    all_counted = sum;
  }
  workgroupBarrier();
  var before = running[lane];
  for (var k = 0u; k < size; k++) {
    let n = atomicLoad(&counts[lane * size + k]);
    atomicStore(&counts[lane * size + k], before);
    before += n;
  }
  workgroupBarrier();
}

fn before(bin: i32) -> i32 {
  if (bin >= i32(MOST_BINS)) { return i32(all_counted); }
  return i32(atomicLoad(&counts[u32(bin)]));
}

// Of the lanes that look for it one finds the last bin that a walk in from both ends meets, always
// from the side where it has met fewer.
fn find_median(lane: u32, low: i32, high: i32) {
  let start = before(low);
  let all = before(high + 1) - start;
  for (var bin = low + i32(lane); bin <= high; bin += i32(WORKGROUP)) {
    let met = bin == low || before(bin + 1) + before(bin - 1) - 2 * start < all;
    let next = bin < high && before(bin + 2) + before(bin) - 2 * start < all;
    if (!met || next) { continue; }
    let left = before(bin) - start;
    let right = start + all - before(bin + 1);
    let own = all - left - right;
    let j = select(bin - 1, bin, left < right);
    let rest = select(right + own - left, right - left - own, left < right);
    clip.median = max(0.0, f32(j) + 0.5);
    if (j < 0) { continue; }
    let fullest = max(before(j + 2) - before(j + 1), before(j + 1) - before(j));
    if (fullest > 0) { clip.median = f32(j) + 0.5 + f32(rest) / f32(2 * fullest); }
  }
}

// Mode and sigma in bins.
fn clip_histogram(lane: u32, bins: u32) -> vec2f {
  let last = i32(bins) - 1;
  var mean = 0.0;
  var median = 0.0;
  var sigma = 10.0 * f32(last);
  var previous = 1.0;
  if (lane == 0u) { clip = Clip(0, last, 0.0); }
  for (var round = 0u; round < 100u && sigma >= 0.1 && abs(sigma / previous - 1.0) > 1e-4; round++) {
    previous = sigma;
    let window = workgroupUniformLoad(&clip);
    find_median(lane, window.low, window.high);
    median = workgroupUniformLoad(&clip).median;
    let centre = i32(median);
    var sums = vec4f(0.0);
    for (var bin = window.low + i32(lane); bin <= window.high; bin += i32(WORKGROUP)) {
      let n = f32(before(bin + 1) - before(bin));
      let away = f32(bin - centre);
      sums += vec4f(n, n * away, n * away * away, 0.0);
    }
    sums = sum_up(lane, sums);
    let shift = sums.y / max(sums.x, 1.0);
    mean = select(0.0, f32(centre) + shift, sums.x > 0.0);
    sigma = select(0.0, sqrt(max(0.0, sums.z / max(sums.x, 1.0) - shift * shift)), sums.x > 0.0);
    if (lane == 0u) {
      clip.low = max(0, i32(floor(median - 3.0 * sigma + 0.5)));
      clip.high = min(last, i32(floor(median + 3.0 * sigma + 0.5)));
    }
  }
  let mode = select(median, 2.5 * median - 1.5 * mean, abs(mean - median) < 0.3 * sigma);
  return vec2f(select(mode, mean, sigma == 0.0), sigma);
}

fn store_cell(lane: u32, at: u32, level: u32, sigma: f32, good: f32) {
  if (lane != 0u) { return; }
  cells[at] = level;
  cells[at + 1u] = select(bitcast<u32>(sigma), NO_NUMBER, level == NO_NUMBER);
  cells[at + 2u] = u32(good);
}

@compute @workgroup_size(WORKGROUP)
fn measureCells(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                @builtin(local_invocation_index) lane: u32) {
  let index = group.y * groups.x + group.x;
  let row = index / params.columns;
  if (row >= params.rows) { return; }
  let x = (index - row * params.columns) * params.mesh;
  let width = min(params.mesh, params.width - x);
  let cell = Cell(row * params.mesh * params.width + x, width, width * heights[row]);
  if (lane == 0u) { atomicStore(&first_good, cell.pixels); }
  workgroupBarrier();
  for (var pixel = lane; pixel < cell.pixels; pixel += WORKGROUP) {
    if (is_good(place_of(cell, pixel))) {
      atomicMin(&first_good, pixel);
      break;
    }
  }
  workgroupBarrier();
  if (lane == 0u) { origin = image[place_of(cell, min(atomicLoad(&first_good), cell.pixels - 1u))]; }
  let start = workgroupUniformLoad(&origin);
  let all = moments(lane, cell, start, -FAR, FAR);
  if (all.x == 0.0) {
    store_cell(lane, 3u * index, NO_NUMBER, 0.0, 0.0);
    return;
  }
  let near = moments(lane, cell, all.y, all.y - 2.0 * all.z, all.y + 2.0 * all.z);
  if (near.z <= 0.0) {
    store_cell(lane, 3u * index, bitcast<u32>(near.y), 0.0, all.x);
    return;
  }
  let bins = min(MOST_BINS, u32(BINS_A_VALUE * near.x + 1.0));
  let scale = 2.0 * REACH_SIGMA * near.z / f32(bins);
  fill_histogram(lane, cell, near.y, 1.0 / scale, bins);
  sum_counts(lane);
  let found = clip_histogram(lane, bins);
  let level = near.y + (found.x - 0.5 * f32(bins)) * scale;
  store_cell(lane, 3u * index, bitcast<u32>(level), found.y * scale, all.x);
}
