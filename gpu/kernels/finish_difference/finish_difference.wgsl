// Joins the masks of two images, one of which was convolved, and turns the variance of their difference
// into its inverse. Masks lie two pixels to a word; a thread makes two pixels. Slots and parameters as
// in finish_difference.as.ts. A grown row: its number, three words that mean nothing, then planes.
override WORKGROUP: u32 = 64u;

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  reach: u32, carried: u32, no_data: u32, edge: u32, unusable: u32, height: u32,
}

@group(0) @binding(0) var<storage, read> grow_mask: array<u32>;
@group(0) @binding(1) var<storage, read> numbers: array<u32>;
@group(0) @binding(2) var<storage, read_write> grown_out: array<u32>;
@group(0) @binding(3) var<uniform> grow: Params;

@group(0) @binding(0) var<storage, read> grown: array<u32>;
@group(0) @binding(1) var<storage, read> moved: array<u32>;
@group(0) @binding(2) var<storage, read> still: array<u32>;
@group(0) @binding(3) var<storage, read_write> joined_out: array<u32>;
@group(0) @binding(4) var<uniform> join: Params;

@group(0) @binding(0) var<storage, read> joined: array<u32>;
@group(0) @binding(1) var<storage, read> difference: array<f32>;
@group(0) @binding(2) var<storage, read> variance: array<f32>;
@group(0) @binding(3) var<storage, read_write> kept: array<f32>;
@group(0) @binding(4) var<storage, read_write> mask: array<u32>;
@group(0) @binding(5) var<storage, read_write> weight: array<f32>;
@group(0) @binding(6) var<storage, read_write> unweighed: array<atomic<u32>>;
@group(0) @binding(7) var<uniform> weigh: Params;

@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read> planes: array<u32>;
@group(0) @binding(2) var<storage, read_write> zeroed: array<f32>;
@group(0) @binding(3) var<uniform> zero: Params;

const HEAD = 4u;

fn grown_words(width: u32) -> u32 { return HEAD + ((width + 7u) & 0xfffffff8u) / 2u; }

fn half_of(word: u32, i: u32) -> u32 { return (word >> (16u * (i & 1u))) & 0xffffu; }

fn carried_at(row: u32, x: i32) -> u32 {
  if (x < 0 || x >= i32(grow.width)) { return 0u; }
  let i = row * grow.width + u32(x);
  return half_of(grow_mask[i / 2u], i) & grow.carried;
}

@compute @workgroup_size(WORKGROUP)
fn growRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (row >= grow.rows) { return; }
  let start = row * grown_words(grow.width);
  if (lane == 0u) { grown_out[start] = numbers[row]; }
  for (var pair = lane; 2u * pair < grow.width; pair += WORKGROUP) {
    var word = 0u;
    for (var i = 0u; i < 2u; i++) {
      for (var d = -i32(grow.reach); d <= i32(grow.reach); d++) {
        word |= carried_at(row, i32(2u * pair + i) + d) << (16u * i);
      }
    }
    grown_out[start + HEAD + pair] = word;
  }
}

fn joined_at(i: u32) -> u32 {
  if (i >= join.rows * join.width) { return 0u; }
  let x = i % join.width;
  let y = join.top + i / join.width;
  let words = grown_words(join.width);
  let first = max(y, join.reach) - join.reach;
  let last = min(join.input_rows - 1u, y + join.reach);
  var bits = 0u;
  for (var row = first; row <= last; row++) { bits |= half_of(grown[row * words + HEAD + x / 2u], x); }
  let at = y * join.width + x;
  bits |= half_of(moved[at / 2u], at) | half_of(still[at / 2u], at);
  let number = grown[y * words];
  let outer = number < join.reach || number + join.reach >= join.height;
  let side = x < join.reach || x + join.reach >= join.width;
  return select(bits, bits | join.edge, outer || side);
}

@compute @workgroup_size(WORKGROUP)
fn joinRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let pair = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (2u * pair >= join.rows * join.width) { return; }
  joined_out[pair] = joined_at(2u * pair) | (joined_at(2u * pair + 1u) << 16u);
}

fn is_finite(x: f32) -> bool { return (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u; }

fn weigh_at(i: u32) -> u32 {
  if (i >= weigh.rows * weigh.width) { return 0u; }
  var bits = half_of(joined[i / 2u], i);
  let value = difference[i];
  let noise = variance[i];
  if (!is_finite(value) || !is_finite(noise)) { bits |= weigh.no_data; }
  kept[i] = select(value, 0.0, (bits & weigh.no_data) != 0u);
  let usable = (bits & weigh.unusable) == 0u && noise > 0.0 && is_finite(noise);
  weight[i] = select(0.0, 1.0 / noise, usable);
  if (!usable) { atomicAdd(&unweighed[0], 1u); }
  return bits;
}

@compute @workgroup_size(WORKGROUP)
fn weighRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
             @builtin(local_invocation_index) lane: u32) {
  let pair = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (2u * pair >= weigh.rows * weigh.width) { return; }
  mask[pair] = weigh_at(2u * pair) | (weigh_at(2u * pair + 1u) << 16u);
}

@compute @workgroup_size(WORKGROUP)
fn zeroRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= zero.rows * zero.width) { return; }
  zeroed[i] = select(values[i], 0.0, (half_of(planes[i / 2u], i) & zero.no_data) != 0u);
}
