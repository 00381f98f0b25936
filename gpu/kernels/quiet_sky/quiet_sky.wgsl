// Marks the pixels that no source reaches. Slots and parameters as in quiet_sky.as.ts; a workgroup has four
// rows, so that no other one writes into its words of four pixels.
override WORKGROUP: u32 = 64u;

struct Params { width: u32, rows: u32, top: u32, input_rows: u32, discs: u32, widest: f32 }

@group(0) @binding(0) var<storage, read> numbers: array<u32>;
@group(0) @binding(1) var<storage, read> discs: array<f32>;
@group(0) @binding(2) var<storage, read_write> quiet: array<atomic<u32>>;
@group(0) @binding(3) var<uniform> params: Params;

const GROUP_ROWS = 4u;

// The first disc whose middle lies at a row or below it.
fn first_from(row: f32) -> u32 {
  var low = 0u;
  var high = params.discs;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (discs[3u * middle + 1u] < row) { low = middle + 1u; } else { high = middle; }
  }
  return low;
}

// Clears the bytes from one place to another, that one too.
fn clear(first: u32, last: u32) {
  for (var word = first / 4u; word <= last / 4u; word++) {
    let skipped = max(first, 4u * word) - 4u * word;
    let beyond = 4u * word + 3u - min(last, 4u * word + 3u);
    atomicAnd(&quiet[word], ~((0xffffffffu << (8u * skipped)) & (0xffffffffu >> (8u * beyond))));
  }
}

@compute @workgroup_size(WORKGROUP)
fn quietRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
             @builtin(local_invocation_index) lane: u32) {
  let start = GROUP_ROWS * (group.y * groups.x + group.x);
  let rows = min(GROUP_ROWS, max(start, params.rows) - start);
  for (var i = lane; 4u * i < rows * params.width; i += WORKGROUP) {
    atomicStore(&quiet[start * params.width / 4u + i], 0x01010101u);
  }
  storageBarrier();
  if (rows == 0u) { return; }
  let top = numbers[start];
  let limit = f32(top + rows) + params.widest;
  for (var k = first_from(f32(top) - params.widest) + lane; k < params.discs; k += WORKGROUP) {
    let y = discs[3u * k + 1u];
    let radius = discs[3u * k + 2u];
    if (y > limit) { break; }
    // from a whole column on, float32 has the place in it to the last digit
    let column = floor(discs[3u * k]);
    let x = discs[3u * k] - column;
    for (var row = 0u; row < rows; row++) {
      let dy = f32(top + row) - y;
      if (abs(dy) > radius) { continue; }
      let half = sqrt((radius - dy) * (radius + dy));
      let left = max(0, i32(column) + i32(ceil(x - half)));
      let right = min(i32(params.width) - 1, i32(column) + i32(floor(x + half)));
      let line = (start + row) * params.width;
      if (left <= right) { clear(line + u32(left), line + u32(right)); }
    }
  }
}
