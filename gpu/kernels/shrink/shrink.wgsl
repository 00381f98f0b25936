// Shrinks images for pictures. Slots and parameters as in shrink.as.ts; a thread a pixel of the picture.
override WORKGROUP: u32 = 64u;

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  image_width: u32, image_height: u32, longer: u32, size: u32, skip: u32, no_data: u32, first: u32,
}

@group(0) @binding(0) var<storage, read> numbers: array<u32>;
@group(0) @binding(1) var<storage, read> image: array<f32>;
@group(0) @binding(2) var<storage, read_write> means: array<u32>;
@group(0) @binding(3) var<uniform> mean: Params;

@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> mask: array<u32>;
@group(0) @binding(4) var<storage, read_write> farthest: array<u32>;
@group(0) @binding(5) var<storage, read_write> strongest: array<u32>;
@group(0) @binding(6) var<uniform> far: Params;

const NAN = 0x7fc00000u;

fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

// The columns and rows that a pixel stands for; rows as the table has them. Products fit 32 bits for images
// of fewer than 65 536 pixels a side.
struct Square { left: u32, right: u32, top: u32, bottom: u32 }

fn square_of(p: Params, x: u32, y: u32) -> Square {
  let right = min(p.image_width, (x + 1u) * p.longer / p.size);
  let bottom = min(p.image_height, (y + 1u) * p.longer / p.size);
  return Square(x * p.longer / p.size, right, y * p.longer / p.size - p.first, bottom - p.first);
}

@compute @workgroup_size(WORKGROUP)
fn meanRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
  let k = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (k >= mean.rows * mean.width) { return; }
  let square = square_of(mean, k % mean.width, numbers[k / mean.width]);
  var sum = 0.0;
  var count = 0.0;
  for (var row = square.top; row < square.bottom; row += mean.skip) {
    for (var i = square.left; i < square.right; i += mean.skip) {
      let value = image[row * mean.image_width + i];
      if (is_nan(value)) { continue; }
      sum += value;
      count += 1.0;
    }
  }
  means[k] = select(NAN, bitcast<u32>(sum / count), count > 0.0);
}

@compute @workgroup_size(WORKGROUP)
fn farthestRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                @builtin(local_invocation_index) lane: u32) {
  let k = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (k >= far.rows * far.width) { return; }
  let square = square_of(far, k % far.width, numbers[k / far.width]);
  var most = -1.0;
  var power = 0.0;
  var value = NAN;
  var sign = 0u;
  for (var row = square.top; row < square.bottom; row++) {
    for (var column = square.left; column < square.right; column++) {
      let i = row * far.image_width + column;
      let v = image[i];
      if (is_nan(v)) { continue; }
      let planes = (mask[i / 2u] >> (16u * (i & 1u))) & far.no_data;
      if (planes == 0u && v * v > most) {
        most = v * v;
        value = bitcast<u32>(v);
      }
      if (v * v * weight[i] > power) {
        power = v * v * weight[i];
        sign = bitcast<u32>(v) & 0x80000000u;
      }
    }
  }
  farthest[k] = value;
  strongest[k] = select(NAN, bitcast<u32>(sqrt(power)) | sign, power > 0.0);
}
