// L.A.Cosmic (van Dokkum 2001). Planes are f32 [input_rows, width]; flags are words, not 0 where set;
// masks hold two u16 a word. Rows and columns beyond the edge repeat the edge. No NaN reaches these
// entries but replaceFlagged, which is run first to fill gaps. "inner" = without the halo.
override WORKGROUP: u32 = 64u;

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  first: u32, second: u32, third: u32, fourth: u32,   // each entry's own, floats by their bits
}

@group(0) @binding(0) var<storage, read> image: array<f32>;
@group(0) @binding(0) var<storage, read> flags_in: array<u32>;

// laplaceSignal
@group(0) @binding(1) var<storage, read_write> noise_out: array<f32>;
@group(0) @binding(2) var<storage, read_write> signal_out: array<f32>;
@group(0) @binding(3) var<uniform> laplace_params: Params;
// subtractMedian and smallMedian
@group(0) @binding(1) var<storage, read_write> plane_out: array<f32>;
@group(0) @binding(2) var<uniform> filter_params: Params;
// findCandidates
@group(0) @binding(1) var<storage, read> noise: array<f32>;
@group(0) @binding(2) var<storage, read> signal: array<f32>;
@group(0) @binding(3) var<storage, read> candidate_mask: array<u32>;
@group(0) @binding(4) var<storage, read_write> candidates: array<u32>;
@group(0) @binding(5) var<uniform> candidate_params: Params;
// clearFlags
@group(0) @binding(0) var<storage, read_write> cleared: array<u32>;
@group(0) @binding(1) var<uniform> clear_params: Params;
// growFlags
@group(0) @binding(1) var<storage, read> grow_signal: array<f32>;
@group(0) @binding(2) var<storage, read> mask_in: array<u32>;
@group(0) @binding(3) var<storage, read_write> grown: array<u32>;
@group(0) @binding(4) var<uniform> grow_params: Params;
// replaceFlagged
@group(0) @binding(1) var<storage, read> flagged: array<u32>;
@group(0) @binding(3) var<storage, read_write> image_out: array<f32>;
@group(0) @binding(4) var<storage, read_write> mask_out: array<u32>;
@group(0) @binding(5) var<storage, read_write> found: array<atomic<u32>>;
@group(0) @binding(6) var<uniform> replace_params: Params;

fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

fn pixel_of(group: vec3u, groups: vec3u, lane: u32) -> u32 {
  return (group.y * groups.x + group.x) * WORKGROUP + lane;
}

// Index of a place, moved to the edge if it lies beyond.
fn near(params: Params, x: i32, y: i32) -> u32 {
  let cx = u32(clamp(x, 0, i32(params.width) - 1));
  let cy = u32(clamp(y, 0, i32(params.input_rows) - 1));
  return cy * params.width + cx;
}

// Median of 5 x 5; 13 rounds of selection put the middle in place.
fn median25(params: Params, x: i32, y: i32) -> f32 {
  var p: array<f32, 25>;
  for (var k = 0; k < 25; k++) { p[k] = image[near(params, x + k % 5 - 2, y + k / 5 - 2)]; }
  for (var i = 0u; i < 13u; i++) {
    for (var j = i + 1u; j < 25u; j++) {
      let low = min(p[i], p[j]);
      p[j] = max(p[i], p[j]);
      p[i] = low;
    }
  }
  return p[12];
}

// Median of 7 x 7.
fn median49(params: Params, x: i32, y: i32) -> f32 {
  var p: array<f32, 49>;
  for (var k = 0; k < 49; k++) { p[k] = image[near(params, x + k % 7 - 3, y + k / 7 - 3)]; }
  for (var i = 0u; i < 25u; i++) {
    for (var j = i + 1u; j < 49u; j++) {
      let low = min(p[i], p[j]);
      p[j] = max(p[i], p[j]);
      p[i] = low;
    }
  }
  return p[24];
}

// first: ADU of variance for each ADU; second: variance of the readout.
@compute @workgroup_size(WORKGROUP)
fn laplaceSignal(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                 @builtin(local_invocation_index) lane: u32) {
  let params = laplace_params;
  let i = pixel_of(group, groups, lane);
  if (i >= params.width * params.rows) { return; }
  let x = i32(i % params.width);
  let y = i32(i / params.width);
  let level = max(median25(params, x, y), 0.00001);
  let spread = sqrt(level * bitcast<f32>(params.first) + bitcast<f32>(params.second));
  let twice = 2.0 * image[i];
  let left = twice - image[near(params, x - 1, y)];
  let right = twice - image[near(params, x + 1, y)];
  let up = image[near(params, x, y - 1)];
  let down = image[near(params, x, y + 1)];
  let sum = (max(left - up, 0.0) + max(left - down, 0.0)) +
    (max(right - up, 0.0) + max(right - down, 0.0));
  noise_out[i] = spread;
  signal_out[i] = sum * 0.125 / spread;
}

// first: the lowest limit. The median is not negative, so a signal below it cannot come above it.
@compute @workgroup_size(WORKGROUP)
fn subtractMedian(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                  @builtin(local_invocation_index) lane: u32) {
  let params = filter_params;
  let i = pixel_of(group, groups, lane);
  if (i >= params.width * params.rows) { return; }
  var s = image[i];
  if (s > bitcast<f32>(params.first)) {
    s -= median25(params, i32(i % params.width), i32(i / params.width));
  }
  plane_out[i] = s;
}

@compute @workgroup_size(WORKGROUP)
fn smallMedian(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
               @builtin(local_invocation_index) lane: u32) {
  let params = filter_params;
  let i = pixel_of(group, groups, lane);
  if (i >= params.width * params.rows) { return; }
  let x = i32(i % params.width);
  let y = i32(i / params.width);
  var p: array<f32, 9>;
  for (var k = 0; k < 9; k++) { p[k] = image[near(params, x + k % 3 - 1, y + k / 3 - 1)]; }
  for (var a = 0u; a < 5u; a++) {
    for (var b = a + 1u; b < 9u; b++) {
      let low = min(p[a], p[b]);
      p[b] = max(p[a], p[b]);
      p[a] = low;
    }
  }
  plane_out[i] = p[4];
}

// image: median of 3 x 3.  first: limit of the signal; second: of signal over fine structure;
// third: bits of pixels that are never flagged.
@compute @workgroup_size(WORKGROUP)
fn findCandidates(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                  @builtin(local_invocation_index) lane: u32) {
  let params = candidate_params;
  let i = pixel_of(group, groups, lane);
  if (i >= params.width * params.rows) { return; }
  let x = i32(i % params.width);
  let y = i32(i / params.width);
  candidates[i] = 0u;
  let s = signal[i];
  let good = ((candidate_mask[i / 2u] >> (16u * (i & 1u))) & params.third) == 0u;
  if (!good || !(s > bitcast<f32>(params.first))) { return; }
  let fine = max((image[i] - median49(params, x, y)) / noise[i], 0.01);
  if (s > bitcast<f32>(params.second) * fine) { candidates[i] = 0xffffffffu; }
}

@compute @workgroup_size(WORKGROUP)
fn clearFlags(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let i = pixel_of(group, groups, lane);
  if (i < clear_params.width * clear_params.rows) { cleared[i] = 0u; }
}

// first: limit of the signal; second: bits of pixels that are never flagged.
@compute @workgroup_size(WORKGROUP)
fn growFlags(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
             @builtin(local_invocation_index) lane: u32) {
  let params = grow_params;
  let i = pixel_of(group, groups, lane);
  if (i >= params.width * params.rows) { return; }
  let x = i32(i % params.width);
  let y = i32(i / params.width);
  var any = 0u;
  for (var k = 0; k < 9; k++) { any |= flags_in[near(params, x + k % 3 - 1, y + k / 3 - 1)]; }
  let good = ((mask_in[i / 2u] >> (16u * (i & 1u))) & params.second) == 0u;
  let hit = any != 0u && good && grow_signal[i] > bitcast<f32>(params.first);
  grown[i] = select(0u, 0xffffffffu, hit);
}

fn mask_of(i: u32) -> u32 { return (mask_in[i / 2u] >> (16u * (i & 1u))) & 0xffffu; }

fn median_of_good(params: Params, x: i32, y: i32, fallback: f32) -> f32 {
  var list: array<f32, 25>;
  var count = 0;
  for (var dy = max(0, y - 2); dy <= min(i32(params.input_rows) - 1, y + 2); dy++) {
    for (var dx = max(0, x - 2); dx <= min(i32(params.width) - 1, x + 2); dx++) {
      let p = u32(dy) * params.width + u32(dx);
      let v = image[p];
      if (is_nan(v) || flagged[p] != 0u || (mask_of(p) & params.second) != 0u) { continue; }
      var at = count;
      while (at > 0 && list[max(at - 1, 0)] > v) {
        list[at] = list[at - 1];
        at -= 1;
      }
      list[at] = v;
      count += 1;
    }
  }
  if (count == 0) { return fallback; }
  let upper = list[count / 2];
  if ((count & 1) == 1) { return upper; }
  return 0.5 * (list[count / 2 - 1] + upper);
}

fn replace_pixel(params: Params, target_pixel: u32) -> u32 {
  let i = target_pixel + params.top * params.width;
  var v = image[i];
  var mask = mask_of(i);
  let hit = flagged[i] != 0u;
  if (hit) {
    if ((mask & params.first) == 0u) { atomicAdd(&found[0], 1u); }
    mask |= params.first;
  }
  if (hit || is_nan(v) || (mask & params.third) != 0u) {
    let fallback = select(v, bitcast<f32>(params.fourth), is_nan(v));
    v = median_of_good(params, i32(i % params.width), i32(i / params.width), fallback);
  }
  image_out[target_pixel] = v;
  return mask;
}

// first: bit to mark; second: bits of pixels not to be used; third: of pixels to replace besides
// flagged ones and NaN; fourth: value where no neighbour can be used. inner, two pixels a thread.
@compute @workgroup_size(WORKGROUP)
fn replaceFlagged(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                  @builtin(local_invocation_index) lane: u32) {
  let params = replace_params;
  let word = pixel_of(group, groups, lane);
  let pixels = params.width * params.rows;
  if (2u * word >= pixels) { return; }
  var mask = replace_pixel(params, 2u * word);
  if (2u * word + 1u < pixels) { mask |= replace_pixel(params, 2u * word + 1u) << 16u; }
  mask_out[word] = mask;
}
