// Makes rows of a frame ready to be resampled, and resamples them onto another grid.
// Positions are integers, 16.16 fixed point, the same bits as on the processor. Each thread makes two
// neighbouring pixels, since masks lie two to a word. See resample.as.ts for the slots.
override WORKGROUP: u32 = 64u;

struct Prepare {
  width: u32, rows: u32, top: u32, input_rows: u32,
  flags: u32, shift: u32, columns: u32, repair: u32,
  no_data: u32, saturated: u32, level: f32, reach: u32,
}
struct Resample {
  width: u32, rows: u32, top: u32, input_rows: u32,
  plane: u32, source_width: u32, source_rows: u32, source_first: u32,
  mesh_shift: u32, mesh_columns: u32, mesh_first: u32, taps: u32,
  before: u32, offset: i32, scale: f32, mask_weight: f32,
  rows_first: u32, ringing: u32,
}

@group(0) @binding(0) var<storage, read> raw_pixels: array<u32>;
@group(0) @binding(1) var<storage, read> raw_masks: array<u32>;
@group(0) @binding(2) var<storage, read> row_numbers: array<u32>;
@group(0) @binding(3) var<storage, read> nodes: array<f32>;
@group(0) @binding(4) var<storage, read_write> pixels: array<f32>;
@group(0) @binding(5) var<storage, read_write> masks: array<u32>;
@group(0) @binding(6) var<uniform> prepare: Prepare;

const UNFILLED = 0x8000u;
const INFINITY_BITS = 0x7f800000u;

fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > INFINITY_BITS; }

fn swapped(x: u32) -> u32 {
  return (x >> 24u) | ((x >> 8u) & 0xff00u) | ((x << 8u) & 0xff0000u) | (x << 24u);
}

fn raw_value(i: u32) -> f32 {
  let bits = raw_pixels[i];
  return bitcast<f32>(select(bits, swapped(bits), (prepare.flags & 1u) != 0u));
}

fn raw_planes(i: u32, value: f32) -> u32 {
  var bits = 0u;
  if ((prepare.flags & 2u) != 0u) {
    bits = (raw_masks[i / 2u] >> (16u * (i & 1u))) & 0xffffu;
    if ((prepare.flags & 4u) != 0u) { bits = ((bits >> 8u) | ((bits & 0xffu) << 8u)) ^ 0x8000u; }
  } else if (value >= prepare.level) {
    bits = prepare.saturated;
  }
  return select(bits, bits | prepare.no_data, is_nan(value));
}

// Pixel at column x of a row that begins at `start`, without its background.
fn level_pixel(start: u32, x: u32, row: u32) -> f32 {
  let y = row_numbers[row];
  let step = 1u << prepare.shift;
  let fy = f32(y & (step - 1u)) / f32(step);
  let low = (y >> prepare.shift) * prepare.columns + (x >> prepare.shift);
  let high = low + prepare.columns;
  let a = nodes[low] + (nodes[high] - nodes[low]) * fy;
  let b = nodes[low + 1u] + (nodes[high + 1u] - nodes[low + 1u]) * fy;
  return raw_value(start + x) - (a + (b - a) * f32(x & (step - 1u)) / f32(step));
}

fn is_usable(i: u32) -> bool {
  return (raw_planes(i, raw_value(i)) & (prepare.repair | prepare.no_data)) == 0u;
}

fn prepare_pixel(i: u32) -> u32 {
  let row = i / prepare.width;
  let start = row * prepare.width;
  let x = i - start;
  let value = raw_value(i);
  let bits = raw_planes(i, value);
  if ((bits & (prepare.repair | prepare.no_data)) == 0u) {
    pixels[i] = level_pixel(start, x, row);
    return bits;
  }
  var left = 0u;
  for (var d = 1u; d <= min(prepare.reach, x) && left == 0u; d++) {
    if (is_usable(i - d)) { left = d; }
  }
  var right = 0u;
  for (var d = 1u; d <= min(prepare.reach, prepare.width - 1u - x) && right == 0u; d++) {
    if (is_usable(i + d)) { right = d; }
  }
  if (left == 0u && right == 0u) {
    if (is_nan(value)) {
      pixels[i] = 0.0;
      return bits | UNFILLED;
    }
    pixels[i] = level_pixel(start, x, row);
    return bits;
  }
  if (left == 0u) { pixels[i] = level_pixel(start, x + right, row); return bits; }
  let before = level_pixel(start, x - left, row);
  if (right == 0u) { pixels[i] = before; return bits; }
  let after = level_pixel(start, x + right, row);
  pixels[i] = before + (after - before) * f32(left) / f32(left + right);
  return bits;
}

@compute @workgroup_size(WORKGROUP)
fn prepareRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
               @builtin(local_invocation_index) lane: u32) {
  let first = 2u * ((group.y * groups.x + group.x) * WORKGROUP + lane);
  let count = prepare.width * prepare.rows;
  if (first >= count) { return; }
  var bits = prepare_pixel(first);
  if (first + 1u < count) { bits |= prepare_pixel(first + 1u) << 16u; }
  masks[first / 2u] = bits;
}

@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read> source_masks: array<u32>;
@group(0) @binding(3) var<storage, read> mesh: array<i32>;
@group(0) @binding(4) var<storage, read> kernel: array<f32>;
@group(0) @binding(5) var<storage, read_write> layers: array<f32>;
@group(0) @binding(6) var<storage, read_write> layer_masks: array<u32>;
@group(0) @binding(7) var<uniform> params: Resample;

const NOWHERE = -2147483647 - 1;

fn not_a_number() -> f32 { return bitcast<f32>(0x7fc00000u | (params.width & 1u)); }

fn lerp(a: i32, b: i32, t: u32) -> i32 { return a + (((b - a) * i32(t)) >> params.mesh_shift); }

fn phase_at(position: i32) -> u32 { return 24u * (u32(position >> 4u) & 4095u); }

fn mask_of(i: u32) -> u32 { return (source_masks[i / 2u] >> (16u * (i & 1u))) & 0xffffu; }

const RINGS = 0x10000u;

// Planes of the footprint that weigh in, UNFILLED if any pixel has no value, RINGS if any rings.
fn planes_of(first: u32, wx: u32, wy: u32) -> u32 {
  var bits = 0u;
  for (var j = 0u; j < params.taps; j++) {
    for (var k = 0u; k < params.taps; k++) {
      let planes = mask_of(first + j * params.source_width + k);
      if (planes == 0u) { continue; }
      bits |= planes & UNFILLED;
      if ((planes & params.ringing) != 0u) { bits |= RINGS; }
      if (abs(kernel[wy + j] * kernel[wx + k]) >= params.mask_weight) { bits |= planes; }
    }
  }
  return bits;
}

fn weighted_sum(first: u32, wx: u32, wy: u32) -> f32 {
  var sum = 0.0;
  for (var k = 0u; k < params.taps; k++) {
    var column = 0.0;
    for (var j = 0u; j < params.taps; j++) {
      column += kernel[wy + j] * source[first + j * params.source_width + k];
    }
    sum += kernel[wx + k] * column;
  }
  return sum;
}

// A value kept within the range of the four pixels around it, beyond which lobes have carried it.
fn settled(first: u32, value: f32) -> f32 {
  let near = first + params.before * (params.source_width + 1u);
  let below = near + params.source_width;
  let low = min(min(source[near], source[near + 1u]), min(source[below], source[below + 1u]));
  let high = max(max(source[near], source[near + 1u]), max(source[below], source[below + 1u]));
  return clamp(value, low, high);
}

// Where a column of a cell crosses a row of the source.
fn crossing(a: u32, b: u32, tx: u32, v: i32) -> i32 {
  let x = lerp(mesh[a], mesh[a + 3u], tx);
  let y = lerp(mesh[a + 1u], mesh[a + 4u], tx);
  let left = f32(mesh[b] - mesh[a]) / f32(mesh[b + 1u] - mesh[a + 1u]);
  let right = f32(mesh[b + 3u] - mesh[a + 3u]) / f32(mesh[b + 4u] - mesh[a + 4u]);
  let shear = left + (right - left) * (f32(tx) / f32(1u << params.mesh_shift));
  return x + i32(shear * f32((v << 16u) - y)) + params.offset;
}

// Along the rows of the source where the column of the target crosses them, then along the column.
fn sheared_sum(a: u32, b: u32, tx: u32, top: u32, wy: u32) -> f32 {
  let before = i32(params.before);
  let last = ((i32(params.source_width) - 5 + before) << 16u) - 1;
  var sum = 0.0;
  for (var j = 0u; j < params.taps; j++) {
    let x = crossing(a, b, tx, i32(top + j + params.source_first));
    let inside = clamp(x, before << 16u, last);
    let first = (top + j) * params.source_width + u32((inside >> 16u) - before);
    let wx = phase_at(inside);
    var along = 0.0;
    for (var k = 0u; k < params.taps; k++) { along += kernel[wx + k] * source[first + k]; }
    sum += kernel[wy + j] * along;
  }
  return sum;
}

fn resample_pixel(i: u32) -> u32 {
  let out = params.plane * params.width * params.rows + i;
  let row = i / params.width;
  let x = i - row * params.width;
  let y = row_numbers[row] - params.mesh_first;
  let step = 1u << params.mesh_shift;
  let a = 3u * ((y >> params.mesh_shift) * params.mesh_columns + (x >> params.mesh_shift));
  let b = a + 3u * params.mesh_columns;
  layers[out] = not_a_number();
  if (mesh[a] == NOWHERE || mesh[a + 3u] == NOWHERE || mesh[b] == NOWHERE ||
      mesh[b + 3u] == NOWHERE) {
    return 0u;
  }
  let ty = y & (step - 1u);
  let tx = x & (step - 1u);
  let px = lerp(lerp(mesh[a], mesh[b], ty), lerp(mesh[a + 3u], mesh[b + 3u], ty), tx) +
    params.offset;
  let py = lerp(lerp(mesh[a + 1u], mesh[b + 1u], ty), lerp(mesh[a + 4u], mesh[b + 4u], ty), tx) +
    params.offset;
  let left = (px >> 16u) - i32(params.before);
  let top = (py >> 16u) - i32(params.before + params.source_first);
  if (left < 0 || left > i32(params.source_width) - i32(params.taps) || top < 0 ||
      top > i32(params.source_rows) - i32(params.taps)) {
    return 0u;
  }
  let wx = phase_at(px);
  let wy = phase_at(py);
  let first = u32(top) * params.source_width + u32(left);
  let bits = planes_of(first, wx, wy);
  if ((bits & UNFILLED) != 0u) { return bits & 0x7fffu; }
  let share = f32(ty) / f32(step);
  let near = mix(bitcast<f32>(mesh[a + 2u]), bitcast<f32>(mesh[b + 2u]), share);
  let far = mix(bitcast<f32>(mesh[a + 5u]), bitcast<f32>(mesh[b + 5u]), share);
  let area = near + (far - near) * f32(tx) / f32(step);
  var sum = 0.0;
  if (params.rows_first == 0u) { sum = weighted_sum(first, wx, wy); }
  else { sum = sheared_sum(a, b, tx, u32(top), wy); }
  if ((bits & RINGS) != 0u) { sum = settled(first, sum); }
  layers[out] = sum * area * params.scale;
  return bits & 0xffffu;
}

@compute @workgroup_size(WORKGROUP)
fn resampleRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                @builtin(local_invocation_index) lane: u32) {
  let first = 2u * ((group.y * groups.x + group.x) * WORKGROUP + lane);
  let count = params.width * params.rows;
  if (first >= count) { return; }
  var bits = resample_pixel(first);
  if (first + 1u < count) { bits |= resample_pixel(first + 1u) << 16u; }
  layer_masks[params.plane * ((count + 1u) / 2u) + first / 2u] = bits;
}
