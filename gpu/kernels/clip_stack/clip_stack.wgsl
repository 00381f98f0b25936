// Combines K frames pixel by pixel: median or mean, with or without clipping.
// stack [K, N] f32, NaN = no sample.  network: pairs of lanes, two u16 a word.
// tables: weights [K], variances [K], factors of the MAD by number of samples [K + 1].
// value [N].  counts [N / 2, N / 2]: kept and rejected, two u16 a word.  variance [N].
// sorted_samples.wgsl comes before.

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  frames: u32, pairs: u32, zero: f32, flags: u32,
  low_sigma: f32, high_sigma: f32, rounds: u32, floor: f32,
  relative: f32, shorts: u32,
}

@group(0) @binding(0) var<storage, read> stack: array<f32>;
@group(0) @binding(1) var<storage, read> network: array<u32>;
@group(0) @binding(2) var<storage, read> tables: array<f32>;
@group(0) @binding(3) var<storage, read_write> value: array<f32>;
@group(0) @binding(4) var<storage, read_write> kept_counts: array<atomic<u32>>;
@group(0) @binding(5) var<storage, read_write> rejected_counts: array<atomic<u32>>;
@group(0) @binding(6) var<storage, read_write> variance: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

const CLIP = 1u;
const MEDIAN = 2u;
const SCATTER_STD = 4u;
const CENTRE_MEAN = 8u;
const KNOWN_VARIANCE = 32u;
const WANT_VARIANCE = 64u;
const WANT_COUNTS = 128u;
const HALF_PI = 1.5707964;

fn not_a_number() -> f32 { return bitcast<f32>(0x7fc00000u | (params.width & 1u)); }
fn is_set(flag: u32) -> bool { return (params.flags & flag) != 0u; }

// Returns how many samples there are; gaps are sorted to the end.
fn load_column(i: u32, lane: u32) -> u32 {
  let pixels = params.width * params.rows;
  var samples = 0u;
  for (var k = 0u; k < params.frames; k++) {
    let v = stack[k * pixels + i];
    let gap = is_nan(v);
    column[k * WORKGROUP + lane] = select(v, infinity(), gap);
    samples += select(1u, 0u, gap);
  }
  return samples;
}

struct Moments { mean: f32, scatter: f32 }

// Mean and standard deviation of a range, both about its median: sums of what is left of a clipped
// outlier would lose all digits in float32.
fn moments_of(lane: u32, lower: u32, upper: u32) -> Moments {
  let n = f32(upper - lower);
  let reference = sample(lane, (lower + upper) >> 1u);
  var sum = 0.0;
  for (var k = lower; k < upper; k++) { sum += sample(lane, k) - reference; }
  let shift = sum / n;
  var squares = 0.0;
  for (var k = lower; k < upper; k++) {
    let away = (sample(lane, k) - reference) - shift;
    squares += away * away;
  }
  return Moments(reference + shift, sqrt(squares / n));
}

fn clip_range(lane: u32, samples: u32) -> vec2u {
  var lower = 0u;
  var upper = samples;
  for (var round = 0u; round < params.rounds && upper - lower > 2u; round++) {
    let n = upper - lower;
    var centre = median_of(lane, lower, upper);
    var scatter = 0.0;
    if (is_set(SCATTER_STD | CENTRE_MEAN)) {
      let moments = moments_of(lane, lower, upper);
      centre = select(centre, moments.mean, is_set(CENTRE_MEAN));
      scatter = moments.scatter;
    }
    if (!is_set(SCATTER_STD)) {
      scatter = mad_of(lane, lower, upper, centre) * tables[2u * params.frames + n];
    }
    scatter = max(max(scatter, params.floor), params.relative * abs(centre));
    let low = centre - params.low_sigma * scatter;
    let high = centre + params.high_sigma * scatter;
    while (lower < upper && sample(lane, lower) < low) { lower += 1u; }
    while (upper > lower && sample(lane, upper - 1u) > high) { upper -= 1u; }
    if (upper - lower == n) { break; }
  }
  return vec2u(lower, upper);
}

struct Weighted { mean: f32, variance: f32 }

// Weighted mean, about the low limit, and its variance, of the samples between two limits.
fn weighted(i: u32, low: f32, high: f32, kept: f32) -> Weighted {
  let pixels = params.width * params.rows;
  var total = 0.0;
  var sum = 0.0;
  var squares = 0.0;
  for (var k = 0u; k < params.frames; k++) {
    let v = stack[k * pixels + i];
    if (is_nan(v) || v < low || v > high) { continue; }
    let weight = tables[k];
    total += weight;
    sum += weight * (v - low);
    squares += weight * weight * select(1.0, tables[params.frames + k], is_set(KNOWN_VARIANCE));
  }
  let mean = sum / total;
  var one = 1.0;
  if (!is_set(KNOWN_VARIANCE) && is_set(WANT_VARIANCE)) {
    var spread = 0.0;
    for (var k = 0u; k < params.frames; k++) {
      let v = stack[k * pixels + i];
      if (is_nan(v) || v < low || v > high) { continue; }
      let away = (v - low) - mean;
      spread += tables[k] * away * away;
    }
    one = spread / total * kept / (kept - 1.0);
    if (kept < 1.5) { one = not_a_number(); }
  }
  let factor = select(1.0, HALF_PI, is_set(MEDIAN) && kept > 2.5);
  return Weighted(low + mean, factor * one * squares / (total * total));
}

fn set_counts(i: u32, kept: u32, rejected: u32) {
  let shift = 16u * (i & 1u);
  let other = 0xffff0000u >> shift;
  atomicAnd(&kept_counts[i / 2u], other);
  atomicOr(&kept_counts[i / 2u], kept << shift);
  atomicAnd(&rejected_counts[i / 2u], other);
  atomicOr(&rejected_counts[i / 2u], rejected << shift);
}

@compute @workgroup_size(WORKGROUP)
fn combineFloats(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                 @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.width * params.rows) { return; }
  let samples = load_column(i, lane);
  sort_column(lane);
  var range = vec2u(0u, samples);
  if (is_set(CLIP)) { range = clip_range(lane, samples); }
  let kept = range.y - range.x;
  if (is_set(WANT_COUNTS)) { set_counts(i, kept, samples - kept); }
  if (kept == 0u) {
    value[i] = not_a_number();
    if (is_set(WANT_VARIANCE)) { variance[i] = not_a_number(); }
    return;
  }
  if (is_set(MEDIAN)) { value[i] = median_of(lane, range.x, range.y); }
  if (is_set(MEDIAN) && !is_set(WANT_VARIANCE)) { return; }
  let result = weighted(i, sample(lane, range.x), sample(lane, range.y - 1u), f32(kept));
  if (!is_set(MEDIAN)) { value[i] = result.mean; }
  if (is_set(WANT_VARIANCE)) { variance[i] = result.variance; }
}
