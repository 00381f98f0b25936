// Combines resampled frames with their masks: median or mean, with or without clipping.
// See join_layers.as.ts for the slots. Each thread makes two neighbouring pixels, since masks lie two
// to a word. sorted_samples.wgsl comes before.

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  frames: u32, pairs: u32, flags: u32, sigma: f32,
  rounds: u32, floor: f32, relative: f32, excluded: u32,
  sat: u32, no_data: u32, clipped: u32, rejected: u32,
  plain_pairs: u32,
}

@group(0) @binding(0) var<storage, read> layers: array<f32>;
@group(0) @binding(1) var<storage, read> layer_masks: array<u32>;
@group(0) @binding(2) var<storage, read> network: array<u32>;
@group(0) @binding(3) var<storage, read> tables: array<f32>;
@group(0) @binding(4) var<storage, read_write> value: array<f32>;
@group(0) @binding(5) var<storage, read_write> mask: array<u32>;
@group(0) @binding(6) var<storage, read_write> weight: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

const CLIP = 1u;
const MEDIAN = 2u;

fn mask_of(k: u32, i: u32) -> u32 {
  let words = (params.width * params.rows + 1u) / 2u;
  return (layer_masks[k * words + i / 2u] >> (16u * (i & 1u))) & 0xffffu;
}

fn layer_of(k: u32, i: u32) -> f32 { return layers[k * params.width * params.rows + i]; }

fn clip_range(lane: u32, samples: u32) -> vec2u {
  var lower = 0u;
  var upper = samples;
  for (var round = 0u; round < params.rounds && upper - lower > 2u; round++) {
    let n = upper - lower;
    let centre = median_of(lane, lower, upper);
    let scatter = mad_of(lane, lower, upper, centre) * tables[2u * params.frames + n];
    let reach = params.sigma * max(max(scatter, params.floor), params.relative * abs(centre));
    while (lower < upper && sample(lane, lower) < centre - reach) { lower += 1u; }
    while (upper > lower && sample(lane, upper - 1u) > centre + reach) { upper -= 1u; }
    if (upper - lower == n) { break; }
  }
  return vec2u(lower, upper);
}

fn is_used(k: u32, i: u32) -> bool {
  return !is_nan(layer_of(k, i)) && (mask_of(k, i) & params.excluded) == 0u;
}

// Sorts the samples that take part, the others as +Infinity; returns how many.
fn sort_used(i: u32, lane: u32) -> u32 {
  var samples = 0u;
  for (var k = 0u; k < params.frames; k++) {
    let used = is_used(k, i);
    column[k * WORKGROUP + lane] = select(infinity(), layer_of(k, i), used);
    samples += select(0u, 1u, used);
  }
  sort_column(lane);
  return samples;
}

struct Planes { joined: u32, lost: u32, saturated: f32, cores: u32 }

fn planes_of(i: u32) -> Planes {
  var planes = Planes(0u, 0u, 0.0, 0u);
  for (var k = 0u; k < params.frames; k++) {
    let bits = mask_of(k, i);
    if (bits == 0u) { continue; }
    let v = layer_of(k, i);
    let reason = bits & params.excluded;
    if (reason != 0u) {
      planes.lost |= bits;
      if (reason == params.sat && !is_nan(v)) {
        planes.saturated += v;
        planes.cores += 1u;
      }
    } else if (!is_nan(v)) {
      planes.joined |= bits;
    }
  }
  return planes;
}

// Weighted mean of the samples between two limits, about the lower, and its variance.
fn weighted(i: u32, low: f32, high: f32) -> vec2f {
  var total = 0.0;
  var sum = 0.0;
  var squares = 0.0;
  for (var k = 0u; k < params.frames; k++) {
    let v = layer_of(k, i);
    if (!is_used(k, i) || v < low || v > high) { continue; }
    let share = tables[k];
    total += share;
    sum += share * (v - low);
    squares += share * share * tables[params.frames + k];
  }
  return vec2f(low + sum / total, squares / (total * total));
}

// Writes value and weight of a pixel and returns its planes.
fn join_pixel(i: u32, lane: u32) -> u32 {
  let planes = planes_of(i);
  let samples = sort_used(i, lane);
  var range = vec2u(0u, samples);
  if ((params.flags & CLIP) != 0u) { range = clip_range(lane, samples); }
  let kept = range.y - range.x;
  if (kept == 0u) {
    weight[i] = 0.0;
    value[i] = select(0.0, planes.saturated / f32(max(planes.cores, 1u)), planes.cores > 0u);
    return select(planes.lost | params.no_data, params.sat, planes.cores > 0u);
  }
  let median = (params.flags & MEDIAN) != 0u;
  let found = weighted(i, sample(lane, range.x), sample(lane, range.y - 1u));
  value[i] = select(found.x, median_of(lane, range.x, range.y), median);
  weight[i] = 1.0 / (found.y * tables[3u * params.frames + 1u + kept]);
  var bits = planes.joined;
  if (kept < samples) { bits |= params.clipped; }
  if (planes.lost != 0u) { bits |= params.rejected | (planes.lost & params.sat); }
  return bits;
}

@compute @workgroup_size(WORKGROUP)
fn joinLayers(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let first = 2u * ((group.y * groups.x + group.x) * WORKGROUP + lane);
  let count = params.width * params.rows;
  if (first >= count) { return; }
  var bits = join_pixel(first, lane);
  if (first + 1u < count) { bits |= join_pixel(first + 1u, lane) << 16u; }
  mask[first / 2u] = bits;
}
