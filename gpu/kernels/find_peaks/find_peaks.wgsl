// Finds the local maxima of a smoothed image above its sky. Slots and parameters as in find_peaks.as.ts.
override WORKGROUP: u32 = 64u;

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  shift: u32, columns: u32, nodes: u32, threshold: f32, most: u32, height: u32,
}

@group(0) @binding(0) var<storage, read> image: array<f32>;
@group(0) @binding(1) var<storage, read> numbers: array<u32>;
@group(0) @binding(2) var<storage, read> surfaces: array<f32>;
@group(0) @binding(3) var<storage, read_write> smoothed_out: array<u32>;
@group(0) @binding(4) var<uniform> smooth_params: Params;

@group(0) @binding(0) var<storage, read> smoothed: array<u32>;
@group(0) @binding(1) var<storage, read_write> peaks: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

const HEAD = 4u;
const BEHIND = 8u;

fn smooth_words(width: u32) -> u32 { return HEAD + ((width + 3u) & 0xfffffffcu) + BEHIND; }

fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }

fn surface(which: u32, x: u32, y: u32) -> f32 {
  let shift = smooth_params.shift;
  let step = f32(1u << shift);
  let low = (1u << shift) - 1u;
  let i = which * smooth_params.nodes + (y >> shift) * smooth_params.columns + (x >> shift);
  let j = i + smooth_params.columns;
  let fy = f32(y & low) / step;
  let a = surfaces[i] + (surfaces[j] - surfaces[i]) * fy;
  let b = surfaces[i + 1u] + (surfaces[j + 1u] - surfaces[i + 1u]) * fy;
  // the noise is that of the cell's left side, as on the processor
  return select(a, a + (b - a) * f32(x & low) / step, which == 0u);
}

fn weight(d: i32) -> f32 { return select(select(0.0625, 0.25, abs(d) == 1), 0.375, d == 0); }

@compute @workgroup_size(WORKGROUP)
fn smoothRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= smooth_params.rows) { return; }
  let words = smooth_words(smooth_params.width);
  let number = numbers[row];
  for (var i = lane; i < words; i += WORKGROUP) {
    let x = i32(i) - i32(HEAD);
    if (i == 0u) { smoothed_out[row * words] = number; continue; }
    var sum = 0.0;
    if (x >= 0 && x < i32(smooth_params.width)) {
      for (var dx = -2; dx <= 2; dx++) {
        if (x + dx < 0 || x + dx >= i32(smooth_params.width)) { continue; }
        let level = surface(0u, u32(x + dx), number);
        for (var dy = -2; dy <= 2; dy++) {
          let y = u32(clamp(i32(row) + dy, 0, i32(smooth_params.input_rows) - 1));
          let value = image[y * smooth_params.width + u32(x + dx)];
          if (is_finite(value)) { sum += weight(dx) * weight(dy) * (value - level); }
        }
      }
      sum /= surface(1u, u32(x), number);
    }
    smoothed_out[row * words + i] = bitcast<u32>(sum);
  }
}

fn at(row: u32, x: u32) -> f32 {
  return bitcast<f32>(smoothed[row * smooth_words(params.width) + HEAD + x]);
}

fn is_peak(row: u32, x: u32) -> bool {
  let v = at(row, x);
  if (!(v > params.threshold)) { return false; }
  let left = select(0.0, at(row, max(x, 1u) - 1u), x > 0u);
  if (!(v > left && v >= at(row, x + 1u))) { return false; }
  let corner = select(0.0, at(row - 1u, max(x, 1u) - 1u), x > 0u);
  if (!(v > corner && v > at(row - 1u, x) && v > at(row - 1u, x + 1u))) { return false; }
  let lower = select(0.0, at(row + 1u, max(x, 1u) - 1u), x > 0u);
  return v >= lower && v >= at(row + 1u, x) && v >= at(row + 1u, x + 1u);
}

// One thread a row: peaks are few, and stay in their order.
@compute @workgroup_size(WORKGROUP)
fn findPeaks(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
             @builtin(local_invocation_index) lane: u32) {
  let row = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (row >= params.rows) { return; }
  let y = params.top + row;
  let number = smoothed[y * smooth_words(params.width)];
  let out = row * (params.most + 1u);
  var count = 0u;
  if (number > 0u && number + 1u < params.height) {
    for (var x = 0u; x < params.width && count < params.most; x++) {
      if (is_peak(y, x)) {
        count++;
        peaks[out + count] = x;
      }
    }
  }
  peaks[out] = count;
}
