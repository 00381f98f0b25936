// Sums over pairs of pixels of bare sky by their offset. Slots and parameters as in noise_products.as.ts; a
// workgroup a row. Pulls are held as bits: not every driver keeps a NaN that it takes for a number.
override WORKGROUP: u32 = 64u;

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  left: u32, columns: u32, shift: u32, across: u32, squares: u32, unusable: u32, most: f32,
  reach: u32, near: u32, near_step: u32, far_step: u32,
}

@group(0) @binding(0) var<storage, read> image: array<f32>;
@group(0) @binding(1) var<storage, read> mask: array<u32>;
@group(0) @binding(2) var<storage, read> quiet: array<u32>;
@group(0) @binding(3) var<storage, read> numbers: array<u32>;
@group(0) @binding(4) var<storage, read> sky: array<f32>;
@group(0) @binding(5) var<storage, read_write> pulls_out: array<u32>;
@group(0) @binding(6) var<uniform> params: Params;

@group(0) @binding(0) var<storage, read> pulls: array<u32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@group(0) @binding(2) var<uniform> pairs: Params;

const HEAD = 4u;
const NONE = 0x7fc00000u;
const BLOCK = 32u;

// Words of a row of pulls, as the processor has them.
fn pull_words(columns: u32) -> u32 { return HEAD + ((columns + 3u) & 0xfffffffcu) + 16u; }

@compute @workgroup_size(WORKGROUP)
fn pullRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= params.rows) { return; }
  let start = row * pull_words(params.columns);
  let number = numbers[row];
  if (lane == 0u) { pulls_out[start] = number; }
  for (var x = lane; x < params.columns; x += WORKGROUP) {
    let i = row * params.width + params.left + x;
    let square = (number >> params.shift) * params.across + (x >> params.shift);
    let pull = (image[i] - sky[square]) * (1.0 / sky[params.squares + square]);
    let planes = (mask[i / 2u] >> (16u * (i & 1u))) & params.unusable;
    let bare = ((quiet[i / 4u] >> (8u * (i & 3u))) & 0xffu) == 1u;
    let bits = bitcast<u32>(pull);
    // above all numbers are the bits of infinity and NaN
    let known = bare && planes == 0u && (bits & 0x7fffffffu) < bitcast<u32>(params.most);
    pulls_out[start + HEAD + x] = select(NONE, bits, known);
  }
}

// A thread an offset. Sums of blocks are added up, so that rounding grows with the length of a block and the
// number of blocks, not with that of pixels.
@compute @workgroup_size(WORKGROUP)
fn sumProducts(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
               @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= pairs.rows) { return; }
  let side = 2u * pairs.reach + 1u;
  let offsets = (side * side + 1u) / 2u;
  let words = pull_words(pairs.columns);
  let start = (pairs.top + row) * words;
  let number = pulls[start];
  let end = pairs.columns - 2u * pairs.reach;
  for (var k = lane; k < offsets; k += WORKGROUP) {
    // columns to the right of the leftmost offset, rows up
    let right = k % side;
    let up = pairs.reach - k / side;
    let far = max(max(right, pairs.reach) - min(right, pairs.reach), up);
    let step = select(pairs.far_step, pairs.near_step, far <= pairs.near);
    var sum = 0.0;
    var count = 0u;
    if ((number - pairs.reach) % step == 0u) {
      let a = start + HEAD + pairs.reach;
      let b = start - up * words + HEAD + right;
      for (var first = 0u; first < end; first += BLOCK) {
        var part = 0.0;
        for (var x = first; x < min(end, first + BLOCK); x++) {
          if (pulls[a + x] == NONE || pulls[b + x] == NONE) { continue; }
          part += bitcast<f32>(pulls[a + x]) * bitcast<f32>(pulls[b + x]);
          count++;
        }
        sum += part;
      }
    }
    sums[2u * row * offsets + k] = sum;
    sums[(2u * row + 1u) * offsets + k] = f32(count);
  }
}
