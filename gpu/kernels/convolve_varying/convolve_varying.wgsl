// Convolves rows with a kernel that varies over the image, and takes the result off another image.
// Slots and parameters as in convolve_varying.as.ts. A padded row: its number, three words that mean
// nothing, then pixels.
override WORKGROUP: u32 = 64u;

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  half: u32, inner: u32, tile_shift: u32, mesh_shift: u32, mesh_columns: u32,
  surface_shift: u32, surface_columns: u32, surface_nodes: u32,
  level: f32, photons: f32, own_photons: f32, unit: f32, has_weight: u32,
}

@group(0) @binding(0) var<storage, read> image: array<f32>;
@group(0) @binding(1) var<storage, read> numbers: array<u32>;
@group(0) @binding(2) var<storage, read_write> padded_out: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> padded: array<u32>;
@group(0) @binding(1) var<storage, read> photon_surfaces: array<f32>;

@group(0) @binding(1) var<storage, read> convolve_kernels: array<f32>;
@group(0) @binding(2) var<storage, read_write> convolved: array<f32>;

@group(0) @binding(1) var<storage, read> photons: array<u32>;
@group(0) @binding(2) var<storage, read> own: array<f32>;
@group(0) @binding(3) var<storage, read> kernels: array<f32>;
@group(0) @binding(4) var<storage, read> surfaces: array<f32>;
@group(0) @binding(5) var<storage, read> weights: array<f32>;
@group(0) @binding(6) var<storage, read_write> difference: array<f32>;
@group(0) @binding(7) var<storage, read_write> variance: array<f32>;
@group(0) @binding(8) var<uniform> sub: Params;

const HEAD = 4u;
const PADDED_LEVEL = 0u;
const PADDED_SIGMA = 1u;
const OWN_LEVEL = 2u;
const OWN_SIGMA = 3u;
const SKY_VARIANCE = 4u;
const MODEL_LEVEL = 5u;
const WEIGHTED = 6u;

fn padded_words(width: u32, half: u32) -> u32 {
  return HEAD + 2u * half + ((width + 15u) & 0xfffffff0u) + 4u;
}

// Words of a row of photons, as the processor has them; flags stay 0 here.
fn photon_words(width: u32, half: u32) -> u32 {
  return padded_words(width, half) + ((((width + 15u) >> 4u) + 31u) & 0xfffffff0u) / 4u;
}

fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }

@compute @workgroup_size(WORKGROUP)
fn padRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= params.rows) { return; }
  let words = padded_words(params.width, params.half);
  if (lane == 0u) { padded_out[row * words] = numbers[row]; }
  for (var i = lane + HEAD; i < words; i += WORKGROUP) {
    let x = clamp(i32(i - HEAD) - i32(params.half), 0, i32(params.width) - 1);
    let value = image[row * params.width + u32(x)];
    padded_out[row * words + i] = select(0u, bitcast<u32>(value - params.level), is_finite(value));
  }
}

// Where a surface's cell begins, and how far into it a pixel lies.
struct Cell { node: u32, fx: f32, fy: f32 }

fn cell_at(shift: u32, columns: u32, x: u32, y: u32) -> Cell {
  let step = f32(1u << shift);
  let low = (1u << shift) - 1u;
  return Cell((y >> shift) * columns + (x >> shift), f32(x & low) / step, f32(y & low) / step);
}

fn blend(a: f32, b: f32, c: f32, d: f32, cell: Cell) -> f32 {
  let left = a + (c - a) * cell.fy;
  let right = b + (d - b) * cell.fy;
  return left + (right - left) * cell.fx;
}

fn photon_surface(which: u32, cell: Cell) -> f32 {
  let i = which * params.surface_nodes + cell.node;
  let j = i + params.surface_columns;
  return blend(photon_surfaces[i], photon_surfaces[i + 1u], photon_surfaces[j], photon_surfaces[j + 1u], cell);
}

// Noise is taken at the left end of a block of 16 px, as on the processor.
fn block_of(cell: Cell, shift: u32, x: u32) -> Cell {
  let start = x & 0xfffffff0u;
  return Cell(cell.node, f32(start & ((1u << shift) - 1u)) / f32(1u << shift), cell.fy);
}

fn padded_pixel(row: u32, column: u32, words: u32) -> f32 {
  return bitcast<f32>(padded[row * words + HEAD + column]);
}

@compute @workgroup_size(WORKGROUP)
fn photonRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= params.rows) { return; }
  let words = padded_words(params.width, params.half);
  let number = padded[row * words];
  for (var i = lane + HEAD; i < words; i += WORKGROUP) {
    let x = u32(clamp(i32(i - HEAD) - i32(params.half), 0, i32(params.width) - 1));
    let cell = cell_at(params.surface_shift, params.surface_columns, x, number);
    let level = photon_surface(PADDED_LEVEL, cell);
    let sigma = photon_surface(PADDED_SIGMA, block_of(cell, params.surface_shift, x));
    let column = x + params.half;
    var light = 0.0;
    if (padded_pixel(row, column, words) - level > sigma) {
      var sum = 0.0;
      for (var dy = -1; dy <= 1; dy++) {
        let y = u32(clamp(i32(row) + dy, 0, i32(params.input_rows) - 1));
        for (var dx = 0u; dx < 3u; dx++) { sum += padded_pixel(y, column + dx - 1u, words); }
      }
      let signal = sum * (1.0 / 9.0) - level;
      light = select(0.0, signal * params.photons, signal > sigma);
    }
    padded_out[row * photon_words(params.width, params.half) + i] = bitcast<u32>(light);
  }
}

// Where the four nodes around the middle of a pixel's tile lie in the table, and its place between them.
fn tile_cell(p: Params, x: u32, y: u32, count: u32) -> Cell {
  let shift = p.tile_shift;
  let mx = ((x >> shift) << shift) + (1u << (shift - 1u));
  let my = ((y >> (shift - 1u)) << (shift - 1u)) + (1u << (shift - 2u));
  let low = (1u << p.mesh_shift) - 1u;
  let step = f32(1u << p.mesh_shift);
  let node = ((my >> p.mesh_shift) * p.mesh_columns + (mx >> p.mesh_shift)) * count;
  return Cell(node, (f32(mx & low) - 0.5) / step, (f32(my & low) - 0.5) / step);
}

fn taps_count(half: u32) -> u32 { return ((2u * half + 1u) * (2u * half + 1u) + 3u) & 0xfffffffcu; }

@compute @workgroup_size(WORKGROUP)
fn convolveRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.rows * params.width) { return; }
  let x = i % params.width;
  let y = params.top + i / params.width;
  let words = padded_words(params.width, params.half);
  let count = taps_count(params.half);
  let cell = tile_cell(params, x, padded[y * words], count);
  let side = 2u * params.half + 1u;
  let down = params.mesh_columns * count;
  var sum = 0.0;
  for (var v = 0u; v < side; v++) {
    let row = u32(clamp(i32(y + v) - i32(params.half), 0, i32(params.input_rows) - 1));
    for (var u = 0u; u < side; u++) {
      let k = cell.node + v * side + u;
      let upper = convolve_kernels[k] + (convolve_kernels[k + count] - convolve_kernels[k]) * cell.fx;
      let lower = convolve_kernels[k + down] +
        (convolve_kernels[k + down + count] - convolve_kernels[k + down]) * cell.fx;
      sum += (upper + (lower - upper) * cell.fy) * padded_pixel(row, x + u, words);
    }
  }
  convolved[i] = sum;
}

fn tap(k: u32, count: u32, cell: Cell) -> f32 {
  let down = k + sub.mesh_columns * count;
  let upper = kernels[k] + (kernels[k + count] - kernels[k]) * cell.fx;
  let lower = kernels[down] + (kernels[down + count] - kernels[down]) * cell.fx;
  return upper + (lower - upper) * cell.fy;
}

fn surface(which: u32, cell: Cell) -> f32 {
  let i = which * sub.surface_nodes + cell.node;
  let j = i + sub.surface_columns;
  return blend(surfaces[i], surfaces[i + 1u], surfaces[j], surfaces[j + 1u], cell);
}

fn own_light(x: u32, y: u32, level: f32, sigma: f32) -> f32 {
  if (!(own[y * sub.width + x] - level > sigma)) { return 0.0; }
  var sum = 0.0;
  for (var dy = -1; dy <= 1; dy++) {
    let row = u32(clamp(i32(y) + dy, 0, i32(sub.input_rows) - 1));
    for (var dx = -1; dx <= 1; dx++) {
      sum += own[row * sub.width + u32(clamp(i32(x) + dx, 0, i32(sub.width) - 1))];
    }
  }
  let signal = sum / 9.0 - level;
  return select(0.0, signal, is_finite(signal) && signal > sigma);
}

@compute @workgroup_size(WORKGROUP)
fn subtractRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= sub.rows * sub.width) { return; }
  let x = i % sub.width;
  let y = sub.top + i / sub.width;
  let words = padded_words(sub.width, sub.half);
  let number = padded[y * words];
  let outer = taps_count(sub.half);
  let count = outer + taps_count(sub.inner);
  let tile = tile_cell(sub, x, number, count);
  let side = 2u * sub.half + 1u;
  var sum = 0.0;
  for (var v = 0u; v < side; v++) {
    let row = u32(clamp(i32(y + v) - i32(sub.half), 0, i32(sub.input_rows) - 1));
    for (var u = 0u; u < side; u++) {
      sum += tap(tile.node + v * side + u, count, tile) * padded_pixel(row, x + u, words);
    }
  }
  let inner_side = 2u * sub.inner + 1u;
  let light_words = photon_words(sub.width, sub.half);
  var light = 0.0;
  for (var v = 0u; v < inner_side; v++) {
    let row = u32(clamp(i32(y + v) - i32(sub.inner), 0, i32(sub.input_rows) - 1));
    for (var u = 0u; u < inner_side; u++) {
      let pixel = bitcast<f32>(photons[row * light_words + HEAD + x + sub.half - sub.inner + u]);
      if (pixel != 0.0) { light += tap(tile.node + outer + v * inner_side + u, count, tile) * pixel; }
    }
  }
  let cell = cell_at(sub.surface_shift, sub.surface_columns, x, number);
  let sigma = surface(OWN_SIGMA, block_of(cell, sub.surface_shift, x));
  difference[i] = (own[y * sub.width + x] - (surface(MODEL_LEVEL, cell) + sum)) * sub.unit;
  var noise = surface(SKY_VARIANCE, cell) + light;
  noise += own_light(x, y, surface(OWN_LEVEL, cell), sigma) * sub.own_photons;
  if (sub.has_weight != 0u) { noise += surface(WEIGHTED, cell) / weights[y * sub.width + x]; }
  variance[i] = noise;
}
