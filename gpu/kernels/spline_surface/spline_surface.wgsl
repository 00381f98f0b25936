// A bicubic spline surface along rows of an image, or an image without it.
// row_numbers [rows].  nodes [rows, columns]: value and sixths of its second derivatives along y, along
// x and along both.  image, result [rows, width] f32.
override WORKGROUP: u32 = 64u;

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  node_rows: u32, columns: u32, mesh: f32, subtracts: u32,
}

@group(0) @binding(0) var<storage, read> row_numbers: array<u32>;
@group(0) @binding(1) var<storage, read> nodes: array<vec4f>;
@group(0) @binding(2) var<storage, read> image: array<f32>;
@group(0) @binding(3) var<storage, read_write> result: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

// Which piece of a line of nodes a pixel is in, and how far; beyond the ends the outer piece goes on.
fn piece_of(pixel: u32, count: u32) -> i32 {
  return clamp(i32(floor((f32(pixel) + 0.5) / params.mesh - 0.5)), 0, max(0, i32(count) - 2));
}

fn way_into(pixel: u32, piece: i32) -> f32 {
  return (f32(pixel) - ((f32(piece) + 0.5) * params.mesh - 0.5)) / params.mesh;
}

// Weights of two nodes and of their bends.
fn weights_of(b: f32) -> vec4f {
  let a = 1.0 - b;
  return vec4f(a, b, a * a * a - a, b * b * b - b);
}

// Value and bend along x of a column of nodes.
fn cut(row: i32, column: i32, weights: vec4f) -> vec2f {
  let last = vec2i(i32(params.columns), i32(params.node_rows)) - vec2i(1);
  let x = min(column, last.x);
  let upper = nodes[row * i32(params.columns) + x];
  let lower = nodes[min(row + 1, last.y) * i32(params.columns) + x];
  return weights.x * upper.xz + weights.y * lower.xz + weights.z * upper.yw + weights.w * lower.yw;
}

@compute @workgroup_size(WORKGROUP)
fn laySurface(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= params.width * params.rows) { return; }
  let x = i % params.width;
  let y = row_numbers[i / params.width];
  let row = piece_of(y, params.node_rows);
  let column = piece_of(x, params.columns);
  let along_y = weights_of(way_into(y, row));
  let left = cut(row, column, along_y);
  let right = cut(row, column + 1, along_y);
  let w = weights_of(way_into(x, column));
  let value = w.x * left.x + w.y * right.x + w.z * left.y + w.w * right.y;
  if (params.subtracts == 0u) { result[i] = value; } else { result[i] = image[i] - value; }
}
