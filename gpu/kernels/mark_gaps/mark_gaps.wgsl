// Joins an image and its mask: a pixel without a value has the plane for that, and one with that plane
// has no value. Masks lie two pixels to a word. Slots and parameters as in mark_gaps.as.ts.
override WORKGROUP: u32 = 64u;

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  flags: u32, no_data: u32, saturated: u32, level: f32, whole: u32, dropped: u32,
}

@group(0) @binding(0) var<storage, read> values: array<u32>;
@group(0) @binding(1) var<storage, read> planes: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;
@group(0) @binding(3) var<storage, read_write> masks: array<u32>;
@group(0) @binding(4) var<storage, read_write> count: array<atomic<u32>>;
@group(0) @binding(5) var<uniform> params: Params;

const EXPONENT = 0x7f800000u;
const NAN = 0x7fc00000u;

fn planes_of(i: u32, value: u32) -> u32 {
  let finite = (value & EXPONENT) != EXPONENT;
  var bits = 0u;
  if ((params.flags & 1u) != 0u) {
    bits = (planes[i / 2u] >> (16u * (i & 1u))) & 0xffffu;
    if ((params.flags & 2u) != 0u) { bits = ((bits >> 8u) | ((bits & 0xffu) << 8u)) ^ 0x8000u; }
    if ((bits & params.whole) == params.whole) { bits &= ~params.dropped; }
  } else if (finite && bitcast<f32>(value) >= params.level) {
    bits = params.saturated;
  }
  return select(bits | params.no_data, bits, finite);
}

fn mark(i: u32) -> u32 {
  if (i >= params.rows * params.width) { return 0u; }
  let bits = planes_of(i, values[i]);
  let gap = (bits & params.no_data) != 0u;
  out[i] = select(values[i], NAN, gap);
  if (!gap) { atomicAdd(&count[0], 1u); }
  return bits;
}

@compute @workgroup_size(WORKGROUP)
fn markGaps(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let pair = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (2u * pair >= params.rows * params.width) { return; }
  masks[pair] = mark(2u * pair) | (mark(2u * pair + 1u) << 16u);
}
