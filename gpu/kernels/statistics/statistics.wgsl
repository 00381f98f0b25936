// Counts and sums of an image, from which exact percentiles and clipped moments are made.
// values [rows, width] f32, NaN left out.  counts [65536].  sums [rows, 4]: count, sum, sum of squares, 0.
// A value's key is its bits as an unsigned integer of the same order.
override WORKGROUP: u32 = 64u;

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  first: u32, low: f32, high: f32,             // first: upper half of the keys, or bits of the centre
}

@group(0) @binding(0) var<storage, read> values: array<u32>;
@group(0) @binding(1) var<storage, read_write> counts: array<atomic<u32>>;
@group(0) @binding(1) var<storage, read_write> sums: array<vec4u>;
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> partial: array<vec3f, WORKGROUP>;

fn key_of(bits: u32) -> u32 {
  return bits ^ select(0x80000000u, 0xffffffffu, (bits >> 31u) == 1u);
}

fn is_number(bits: u32) -> bool { return (bits & 0x7fffffffu) <= 0x7f800000u; }

@compute @workgroup_size(WORKGROUP)
fn countUpper(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.width * params.rows) { return; }
  let bits = values[i];
  if (is_number(bits)) { atomicAdd(&counts[key_of(bits) >> 16u], 1u); }
}

@compute @workgroup_size(WORKGROUP)
fn countLower(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.width * params.rows) { return; }
  let bits = values[i];
  let key = key_of(bits);
  if (is_number(bits) && (key >> 16u) == params.first) { atomicAdd(&counts[key & 0xffffu], 1u); }
}

// One workgroup a row; a count of up to 2^24 is exact in float32.
@compute @workgroup_size(WORKGROUP)
fn sumRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
           @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  let centre = bitcast<f32>(params.first);
  var sum = vec3f(0.0);
  if (row < params.rows) {
    for (var x = lane; x < params.width; x += WORKGROUP) {
      let bits = values[row * params.width + x];
      let v = bitcast<f32>(bits);
      if (!is_number(bits) || v < params.low || v > params.high) { continue; }
      let away = v - centre;
      sum += vec3f(1.0, away, away * away);
    }
  }
  partial[lane] = sum;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { partial[lane] += partial[lane + half]; }
  }
  if (lane == 0u && row < params.rows) {
    let total = partial[0];
    sums[row] = vec4u(u32(total.x), bitcast<u32>(total.y), bitcast<u32>(total.z), 0u);
  }
}
