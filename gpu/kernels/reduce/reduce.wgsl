// Takes the detector out of rows: (raw - bias - darkScale * dark) * scale / flat, mask planes and
// inverse variance. All [N] f32 but masks, two u16 a word; NaN raw = no sample. A pixel whose flat is
// unusable is not divided. Each invocation takes two pixels, which share a word of the mask.
override WORKGROUP: u32 = 64u;

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  flags: u32, dark_scale: f32, hot_above: f32, flat_below: f32,
  flat_above: f32, saturation: f32, scale: f32, bad: u32,
  saturated: u32, no_data: u32, variance_per_adu: f32, read_variance: f32,
}

@group(0) @binding(0) var<storage, read> raw: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read> dark: array<f32>;
@group(0) @binding(3) var<storage, read> flat_field: array<f32>;
@group(0) @binding(4) var<storage, read> known_mask: array<u32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read_write> mask_words: array<u32>;
@group(0) @binding(7) var<storage, read_write> weights: array<f32>;
@group(0) @binding(8) var<uniform> params: Params;

const HAS_BIAS = 1u;
const HAS_DARK = 2u;
const HAS_FLAT = 4u;
const HAS_MASK = 8u;
const WANT_WEIGHT = 16u;

fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn is_set(flag: u32) -> bool { return (params.flags & flag) != 0u; }

// NaN is neither above nor below anything, on any driver.
fn reduce_pixel(i: u32) -> u32 {
  let sample = raw[i];
  let gap = is_nan(sample);
  var mask = select(0u, params.no_data, gap);
  if (!gap && sample >= params.saturation) { mask |= params.saturated; }
  var value = sample;
  if (is_set(HAS_BIAS)) { value -= bias[i]; }
  let light = value;
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
  out[i] = value * factor;
  if (is_set(HAS_MASK)) { mask |= (known_mask[i / 2u] >> (16u * (i & 1u))) & 0xffffu; }
  if (is_set(WANT_WEIGHT)) {
    let variance = (max(light, 0.0) * params.variance_per_adu + params.read_variance) * factor * factor;
    weights[i] = select(0.0, 1.0 / variance, mask == 0u && variance > 0.0);
  }
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
