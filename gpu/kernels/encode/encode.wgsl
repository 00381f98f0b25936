// Floats and masks to the bytes of a FITS file, big-endian, and the sums of its words, for its checksum.
// values [rows, width] f32, or u16 two a word.  raw words.  sums [rows, 2]: of the upper and of the lower
// halves, which fit 32 bits for rows of up to 65 536 pixels; of masks the first and second of each pair of
// pixels of a row.  counts [rows, 16]: pixels of a mask with each bit. One workgroup a row.
override WORKGROUP: u32 = 64u;

struct Params { width: u32, rows: u32, top: u32, input_rows: u32 }

@group(0) @binding(0) var<storage, read> values: array<u32>;
@group(0) @binding(1) var<storage, read_write> raw: array<u32>;
@group(0) @binding(2) var<storage, read_write> sums: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read_write> counts: array<u32>;
@group(0) @binding(4) var<uniform> mask_params: Params;

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
  store_sum(sum, lane, row, params.rows);
}

// Adds up the sums of a workgroup.
fn store_sum(sum: vec2u, lane: u32, row: u32, rows: u32) {
  partial[lane] = sum;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { partial[lane] += partial[lane + half]; }
  }
  if (lane == 0u && row < rows) {
    sums[2u * row] = partial[0].x;
    sums[2u * row + 1u] = partial[0].y;
  }
}

var<workgroup> planes: array<atomic<u32>, 16>;

@compute @workgroup_size(WORKGROUP)
fn encodeMask(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let row = group.y * groups.x + group.x;
  if (lane < 16u) { atomicStore(&planes[lane], 0u); }
  workgroupBarrier();
  var sum = vec2u(0u);
  if (row < mask_params.rows) {
    let first = row * mask_params.width;
    for (var x = lane; x < mask_params.width; x += WORKGROUP) {
      let v = (values[(first + x) / 2u] >> (16u * ((first + x) & 1u))) & 0xffffu;
      sum += select(vec2u(v ^ 0x8000u, 0u), vec2u(0u, v ^ 0x8000u), (x & 1u) == 1u);
      for (var bits = v; bits != 0u; bits &= bits - 1u) {
        atomicAdd(&planes[firstTrailingBit(bits)], 1u);
      }
    }
    // the words that begin in this row: of an odd width, two rows share one
    let end = (first + mask_params.width + 1u) / 2u;
    for (var i = (first + 1u) / 2u + lane; i < end; i += WORKGROUP) {
      let stored = values[i] ^ 0x80008000u;
      raw[i] = ((stored & 0xff00ffu) << 8u) | ((stored >> 8u) & 0xff00ffu);
    }
  }
  store_sum(sum, lane, row, mask_params.rows);
  workgroupBarrier();
  if (lane < 16u && row < mask_params.rows) { counts[16u * row + lane] = atomicLoad(&planes[lane]); }
}
