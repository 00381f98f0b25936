// Sums over the cells of a difference, a workgroup a cell. Slots and parameters as in cell_sums.as.ts;
// in float32.
override WORKGROUP: u32 = 64u;

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  pixels: u32, side: u32, columns: u32, limit: f32, wanted: u32,
}

@group(0) @binding(0) var<storage, read> difference: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> take: array<u32>;
@group(0) @binding(3) var<storage, read> middle: array<f32>;
@group(0) @binding(4) var<storage, read> heights: array<u32>;
@group(0) @binding(5) var<storage, read_write> sums: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> partial: array<vec4f, WORKGROUP>;
var<workgroup> counted: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn cellSums(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let cell = group.y * groups.x + group.x;
  let row = cell / params.columns;
  var sum = vec4f(0.0);
  var count = 0.0;
  if (row < params.rows) {
    let left = (cell % params.columns) * params.side;
    let across = min(params.side, params.pixels - left);
    for (var k = lane; k < across * heights[row]; k += WORKGROUP) {
      let i = (row * params.side + k / across) * params.pixels + left + k % across;
      let value = difference[i];
      let w = weight[i];
      let away = value - middle[cell];
      let taken = ((take[i / 4u] >> (8u * (i & 3u))) & 0xffu) != 0u;
      if (!taken || !(w > 0.0) || !(away * away * w <= params.limit)) { continue; }
      let pull = value * sqrt(w);
      let pulls = select(vec2f(0.0), vec2f(pull, pull * pull), (params.wanted & 2u) != 0u);
      sum += vec4f(value, select(0.0, 1.0 / w, (params.wanted & 1u) != 0u), pulls);
      count += 1.0;
    }
  }
  partial[lane] = sum;
  counted[lane] = count;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      partial[lane] += partial[lane + half];
      counted[lane] += counted[lane + half];
    }
  }
  if (lane == 0u && row < params.rows) {
    sums[5u * cell] = counted[0];
    for (var k = 0u; k < 4u; k++) { sums[5u * cell + 1u + k] = partial[0][k]; }
  }
}
