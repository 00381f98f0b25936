// The normal equations of stars over the functions of a convolution kernel and a constant; a workgroup a star,
// sums in float32, which is one part in a million of them: see star_equations.ts.
//
// acrossRows. 0 cut-outs as in star_equations.as.ts; 1 factors; 2 lines convolved along x [factors, box, side].
// columnRows. 0 cut-outs; 1 factors; 2 terms, as in star_equations.as.ts; 3 lines; 4 columns [side, side,
// terms + 3]: the functions, one and the data, all times the root of the weight, which is 0 for what is not
// fitted, then the weighted variance of the first image.
// productRows. 0 columns; 1 equations, f32, laid out as in star_equations.as.ts.
override WORKGROUP: u32 = 64u;

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  half: u32, reach: u32, factors: u32, terms: u32, radius2: u32, least: u32, model_error: f32,
}

@group(0) @binding(0) var<storage, read> cut_outs: array<f32>;
@group(0) @binding(1) var<storage, read> factors: array<f32>;
@group(0) @binding(2) var<storage, read_write> lines_out: array<f32>;
@group(0) @binding(3) var<uniform> across: Params;

@group(0) @binding(2) var<storage, read> terms: array<u32>;
@group(0) @binding(3) var<storage, read> lines: array<f32>;
@group(0) @binding(4) var<storage, read_write> columns_out: array<f32>;
@group(0) @binding(5) var<uniform> down: Params;

@group(0) @binding(0) var<storage, read> columns: array<f32>;
@group(0) @binding(1) var<storage, read_write> equations: array<f32>;
@group(0) @binding(2) var<uniform> sums: Params;

fn side_of(p: Params) -> u32 { return 2u * p.reach + 1u; }
fn box_of(p: Params) -> u32 { return side_of(p) + 2u * p.half; }

@compute @workgroup_size(WORKGROUP)
fn acrossRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let star = group.y * groups.x + group.x;
  if (star >= across.rows) { return; }
  let side = side_of(across);
  let box = box_of(across);
  let taps = 2u * across.half + 1u;
  let count = across.factors * box * side;
  for (var k = lane; k < count; k += WORKGROUP) {
    let factor = taps * (k / (box * side));
    let source = star * 4u * box * box + (k / side % box) * box + k % side + 2u * across.half;
    var sum = 0.0;
    for (var tap = 0u; tap < taps; tap++) { sum += factors[factor + tap] * cut_outs[source - tap]; }
    lines_out[star * count + k] = sum;
  }
}

// A function at a pixel.
fn function_at(star: u32, x: u32, y: u32, term: u32) -> f32 {
  let side = side_of(down);
  let box = box_of(down);
  let taps = 2u * down.half + 1u;
  let source = ((star * down.factors + terms[3u * term]) * box + y + 2u * down.half) * side + x;
  let factor = taps * terms[3u * term + 1u];
  var sum = 0.0;
  for (var tap = 0u; tap < taps; tap++) { sum += factors[factor + tap] * lines[source - tap * side]; }
  return sum;
}

// The weight of a pixel that stands so in the cut-outs; the error follows the smoothed signal.
fn weight_at(at: u32, box: u32) -> f32 {
  let variance = cut_outs[at + box * box];
  var mean = 0.0;
  for (var k = 0u; k < 9u; k++) { mean += cut_outs[at + box * (k / 3u) + k % 3u - box - 1u]; }
  let error = down.model_error * mean / 9.0;
  return select(0.0, 1.0 / (variance + error * error), variance > 0.0);
}

@compute @workgroup_size(WORKGROUP)
fn columnRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let star = group.y * groups.x + group.x;
  if (star >= down.rows) { return; }
  let side = side_of(down);
  let box = box_of(down);
  for (var pixel = lane; pixel < side * side; pixel += WORKGROUP) {
    let x = pixel % side;
    let y = pixel / side;
    let away = vec2i(i32(x), i32(y)) - i32(down.reach);
    let at = (star * 4u + 1u) * box * box + (down.half + y) * box + down.half + x;
    let inside = u32(away.x * away.x + away.y * away.y) <= down.radius2;
    let weight = select(0.0, weight_at(at, box), inside);
    let root = sqrt(weight);
    let out = (star * side * side + pixel) * (down.terms + 3u);
    let first = function_at(star, x, y, 0u);
    columns_out[out] = root * first;
    for (var term = 1u; term < down.terms; term++) {
      let taken = select(0.0, first, terms[3u * term + 2u] != 0u);
      columns_out[out + term] = root * (function_at(star, x, y, term) - taken);
    }
    columns_out[out + down.terms] = root;
    columns_out[out + down.terms + 1u] = root * cut_outs[at];
    columns_out[out + down.terms + 2u] = weight * cut_outs[at + 2u * box * box];
  }
}

// Pixels whose products are added up before the sum is: rounding grows with these and with their number.
const BLOCK = 32u;

var<workgroup> counted: atomic<u32>;

// The sum over a star's pixels of the product of two columns.
fn product(first: u32, pixels: u32, size: u32, i: u32, j: u32) -> f32 {
  var sum = 0.0;
  for (var block = 0u; block < pixels; block += BLOCK) {
    var part = 0.0;
    for (var pixel = block; pixel < min(pixels, block + BLOCK); pixel++) {
      let at = first + pixel * size;
      part += columns[at + i] * columns[at + j];
    }
    sum += part;
  }
  return sum;
}

@compute @workgroup_size(WORKGROUP)
fn productRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
               @builtin(local_invocation_index) lane: u32) {
  let star = group.y * groups.x + group.x;
  let pixels = side_of(sums) * side_of(sums);
  let size = sums.terms + 3u;
  let n = sums.terms + 1u;
  let first = star * pixels * size;
  if (lane == 0u) { atomicStore(&counted, 0u); }
  workgroupBarrier();
  if (star < sums.rows) {
    var count = 0u;
    for (var pixel = lane; pixel < pixels; pixel += WORKGROUP) {
      if (columns[first + pixel * size + sums.terms] > 0.0) { count++; }
    }
    atomicAdd(&counted, count);
  }
  workgroupBarrier();
  if (star >= sums.rows) { return; }
  let out = star * (n * n + n + 3u);
  let used = atomicLoad(&counted);
  let enough = used >= sums.least;
  // the data are the last column: what it gives is the vector and the sum of squares
  for (var k = lane; k < (n + 1u) * (n + 1u); k += WORKGROUP) {
    let i = k / (n + 1u);
    let j = k % (n + 1u);
    if (j > i) { continue; }
    var value = 0.0;
    if (enough) { value = product(first, pixels, size, i, j); }
    equations[out + n * i + j] = value;
    if (i < n) { equations[out + n * j + i] = value; }
  }
  if (lane != 0u) { return; }
  var noise = 0.0;
  for (var pixel = 0u; pixel < pixels; pixel++) { noise += columns[first + pixel * size + n + 1u]; }
  equations[out + n * n + n + 1u] = select(0.0, noise, enough);
  equations[out + n * n + n + 2u] = select(0.0, f32(used), enough);
}
