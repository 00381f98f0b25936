// Replaces pixels of some planes by what their usable neighbours say.
// values [rows with a halo, width] f32 and mask, two u16 a word, alike.  weights [2 radius + 1, same].
// filled, filled_mask [rows, width]: each invocation makes two pixels, which share a word of the mask.
// A neighbour is usable that is finite and has none of the bits of the planes left out.
override WORKGROUP: u32 = 64u;

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  bits: u32, unusable: u32, mark: u32, no_data: u32,  // filled; no neighbours; set where filled, where not
  radius: u32, reach: u32,
}

@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read> mask: array<u32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> filled: array<f32>;
@group(0) @binding(4) var<storage, read_write> filled_mask: array<u32>;
@group(0) @binding(5) var<uniform> params: Params;

const OFF_CENTRE = 0.45;

fn mask_at(i: u32) -> u32 { return (mask[i / 2u] >> (16u * (i & 1u))) & 0xffffu; }

fn is_usable(i: u32) -> bool {
  let finite = (bitcast<u32>(values[i]) & 0x7fffffffu) < 0x7f800000u;
  return finite && (mask_at(i) & params.unusable) == 0u;
}

struct Fill { found: bool, value: f32 }

// Weighted mean of the window, unless its usable pixels lie on one side.
fn mean_around(x: i32, y: i32) -> Fill {
  let r = i32(params.radius);
  let width = i32(params.width);
  var sums = vec4f(0.0);
  for (var dy = max(-r, -y); dy <= min(r, i32(params.input_rows) - 1 - y); dy++) {
    for (var dx = max(-r, -x); dx <= min(r, width - 1 - x); dx++) {
      let i = u32((y + dy) * width + x + dx);
      if (!is_usable(i)) { continue; }
      let weight = weights[u32((dy + r) * (2 * r + 1) + dx + r)];
      sums += weight * vec4f(1.0, values[i], f32(dx), f32(dy));
    }
  }
  let limit = OFF_CENTRE * sums.x;
  let found = sums.x > 0.0 && abs(sums.z) <= limit && abs(sums.w) <= limit;
  return Fill(found, sums.y / max(sums.x, 1e-30));
}

// How far the next usable pixel of the row is in a direction; 0 if there is none within reach.
fn way_to(x: i32, y: i32, step: i32) -> i32 {
  for (var way = 1; way <= i32(params.reach); way++) {
    let at = x + step * way;
    if (at < 0 || at >= i32(params.width)) { return 0; }
    if (is_usable(u32(y * i32(params.width) + at))) { return way; }
  }
  return 0;
}

// Between the nearest usable pixels of the row, or the only one.
fn mean_along(x: i32, y: i32) -> Fill {
  let left = way_to(x, y, -1);
  let right = way_to(x, y, 1);
  if (left == 0 && right == 0) { return Fill(false, 0.0); }
  let i = y * i32(params.width) + x;
  let before = values[u32(i + select(-left, right, left == 0))];
  let after = values[u32(i + select(right, -left, right == 0))];
  return Fill(true, before + (after - before) * f32(left) / f32(left + right));
}

// Makes one pixel; gives its mask.
fn make_pixel(target_index: u32) -> u32 {
  let source = target_index + params.top * params.width;
  var planes = mask_at(source);
  if ((planes & params.bits) == 0u) {
    filled[target_index] = values[source];
    return planes;
  }
  let y = source / params.width;
  let x = source - y * params.width;
  var fill = mean_around(i32(x), i32(y));
  if (!fill.found) { fill = mean_along(i32(x), i32(y)); }
  if (fill.found) {
    filled[target_index] = fill.value;
    return planes | params.mark;
  }
  // a constant NaN is an error in WGSL
  filled[target_index] = bitcast<f32>(0x7fc00000u | (params.width & 1u));
  return planes | params.no_data;
}

@compute @workgroup_size(WORKGROUP)
fn interpolateRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                   @builtin(local_invocation_index) lane: u32) {
  let word = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let first = 2u * word;
  let pixels = params.width * params.rows;
  if (first >= pixels) { return; }
  var planes = make_pixel(first);
  if (first + 1u < pixels) { planes |= make_pixel(first + 1u) << 16u; }
  filled_mask[word] = planes;
}
