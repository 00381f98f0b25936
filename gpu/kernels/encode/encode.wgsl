// Floats to the bytes of a FITS file, big-endian, and the sums of its words, for its checksum.
// values [rows, width] f32.  raw [rows, width] words.  sums [rows, 2]: of the upper and of the lower
// halves, which fit 32 bits for rows of up to 65 536 pixels. One workgroup a row.
override WORKGROUP: u32 = 64u;

struct Params { width: u32, rows: u32, top: u32, input_rows: u32 }

@group(0) @binding(0) var<storage, read> values: array<u32>;
@group(0) @binding(1) var<storage, read_write> raw: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> partial: array<vec2u, WORKGROUP>;

fn swap32(v: u32) -> u32 {
  return (v << 24u) | ((v & 0xff00u) << 8u) | ((v >> 8u) & 0xff00u) | (v >> 24u);
}

@compute @workgroup_size(WORKGROUP)
fn encodeFloats(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  var sum = vec2u(0u);
  if (row < params.rows) {
    for (var x = lane; x < params.width; x += WORKGROUP) {
      let v = values[row * params.width + x];
      sum += vec2u(v >> 16u, v & 0xffffu);
      raw[row * params.width + x] = swap32(v);
    }
  }
  partial[lane] = sum;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { partial[lane] += partial[lane + half]; }
  }
  if (lane == 0u && row < params.rows) {
    sums[2u * row] = partial[0].x;
    sums[2u * row + 1u] = partial[0].y;
  }
}
