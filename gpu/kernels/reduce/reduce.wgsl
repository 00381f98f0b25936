// Takes the detector out of rows: (raw - bias - darkScale * dark) * scale / flat, and mask planes; weighs
// reduced rows; takes fringes off. All [N] f32 but masks, two u16 a word; NaN raw = no sample. A pixel
// whose flat is unusable is not divided. reduceRows takes two pixels, which share a word of the mask.
override WORKGROUP: u32 = 64u;

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  flags: u32, dark_scale: f32, hot_above: f32, flat_below: f32,
  flat_above: f32, saturation: f32, scale: f32, bad: u32,
  saturated: u32, no_data: u32, suspect_above: f32, suspect: u32,
  nan_bits: u32, nan: u32,    // a constant NaN is no valid shader
}

@group(0) @binding(0) var<storage, read> raw: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> dark: array<f32>;
@group(0) @binding(3) var<storage, read> flat_field: array<f32>;
@group(0) @binding(4) var<storage, read> known_mask: array<u32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read_write> mask_words: array<u32>;
@group(0) @binding(7) var<uniform> params: Params;

const HAS_BIAS = 1u;
const HAS_DARK = 2u;
const HAS_FLAT = 4u;
const HAS_MASK = 8u;

fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn is_set(flag: u32) -> bool { return (params.flags & flag) != 0u; }

// NaN is neither above nor below anything, on any driver.
fn reduce_pixel(i: u32) -> u32 {
  let sample = raw[i];
  let gap = is_nan(sample);
  var mask = select(0u, params.no_data, gap);
  if (!gap && sample >= params.saturation) { mask |= params.saturated; }
  else if (!gap && sample >= params.suspect_above) { mask |= params.suspect; }
  var value = sample;
  if (is_set(HAS_BIAS)) { value -= bias[i]; }
  if (is_set(HAS_DARK)) {
    value -= dark[i] * params.dark_scale;
    if (!is_nan(dark[i]) && dark[i] > params.hot_above) { mask |= params.bad; }
  }
  var factor = params.scale;
  if (is_set(HAS_FLAT)) {
    let gain = flat_field[i];
    let usable = !is_nan(gain) && gain >= params.flat_below;
    if (usable) { factor = factor / gain; }
    if (!usable || gain > params.flat_above) { mask |= params.bad; }
  }
  if (is_set(HAS_MASK)) { mask |= (known_mask[i / 2u] >> (16u * (i & 1u))) & 0xffffu; }
  out[i] = select(value * factor, bitcast<f32>(params.nan), (mask & params.nan_bits) != 0u);
  return mask;
}

@compute @workgroup_size(WORKGROUP)
fn reduceRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let word = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let first = 2u * word;
  let pixels = params.width * params.rows;
  if (first >= pixels) { return; }
  var mask = reduce_pixel(first);
  if (first + 1u < pixels) { mask |= reduce_pixel(first + 1u) << 16u; }
  mask_words[word] = mask;
}

struct WeighParams {
  width: u32, rows: u32, top: u32, input_rows: u32,
  flags: u32, dark_scale: f32, variance_per_adu: f32, read_variance: f32,
  zero_bits: u32,
}

@group(0) @binding(0) var<storage, read> reduced: array<f32>;
@group(0) @binding(1) var<storage, read> reduced_mask: array<u32>;
@group(0) @binding(2) var<storage, read> weigh_dark: array<f32>;
@group(0) @binding(3) var<storage, read> weigh_flat: array<f32>;
@group(0) @binding(4) var<storage, read> bias_variance: array<f32>;
@group(0) @binding(5) var<storage, read> dark_variance: array<f32>;
@group(0) @binding(6) var<storage, read> flat_variance: array<f32>;
@group(0) @binding(7) var<storage, read_write> weights: array<f32>;
@group(0) @binding(8) var<uniform> weigh: WeighParams;

const HAS_BIAS_VARIANCE = 16u;
const HAS_DARK_VARIANCE = 32u;
const HAS_FLAT_VARIANCE = 64u;

fn has(flag: u32) -> bool { return (weigh.flags & flag) != 0u; }
// 0 where it is not known
fn known(variance: f32) -> f32 { return select(0.0, variance, !is_nan(variance) && variance > 0.0); }

@compute @workgroup_size(WORKGROUP)
fn weighRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
             @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= weigh.width * weigh.rows) { return; }
  let m = i + weigh.top * weigh.width;    // masters may have rows above
  let value = reduced[i];
  var response = 1.0;
  if (has(HAS_FLAT)) { response = weigh_flat[m]; }
  var signal = value * response;
  if (has(HAS_DARK)) { signal += weigh.dark_scale * weigh_dark[m]; }
  var variance = weigh.read_variance;
  if (signal > 0.0) { variance += signal * weigh.variance_per_adu; }
  if (has(HAS_BIAS_VARIANCE)) { variance += known(bias_variance[m]); }
  if (has(HAS_DARK_VARIANCE)) { variance += weigh.dark_scale * weigh.dark_scale * known(dark_variance[m]); }
  if (has(HAS_FLAT_VARIANCE)) { variance += value * value * known(flat_variance[m]); }
  let weight = response * response / variance;
  let bits = (reduced_mask[i / 2u] >> (16u * (i & 1u))) & weigh.zero_bits;
  let usable = !is_nan(signal) && !is_nan(weight) && weight > 0.0 && weight < 3.4e38;
  weights[i] = select(0.0, weight, bits == 0u && usable);
}

struct PatternParams { width: u32, rows: u32, top: u32, input_rows: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> with_fringes: array<f32>;
@group(0) @binding(1) var<storage, read> fringe_pattern: array<f32>;
@group(0) @binding(2) var<storage, read_write> without: array<f32>;
@group(0) @binding(3) var<uniform> fringe: PatternParams;

@compute @workgroup_size(WORKGROUP)
fn subtractPattern(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                   @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= fringe.width * fringe.rows) { return; }
  let ripple = fringe_pattern[i];
  without[i] = with_fringes[i] - select(fringe.scale * ripple, 0.0, is_nan(ripple));
}
