// What kernels share that sort the samples of a pixel; their own text follows. Each thread sorts in
// workgroup memory, sample k at k * WORKGROUP. They bind `network`, pairs of lanes, two u16 a word,
// and `params` with `pairs` and `rows`.
override WORKGROUP: u32 = 64u;
override FRAMES: u32 = 9u;

const INFINITY_BITS = 0x7f800000u;

var<workgroup> column: array<f32, FRAMES * WORKGROUP>;

fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > INFINITY_BITS; }
// A constant infinity is an error in WGSL.
fn infinity() -> f32 { return bitcast<f32>(INFINITY_BITS + params.rows - params.rows); }
fn sample(lane: u32, k: u32) -> f32 { return column[k * WORKGROUP + lane]; }

// Sorts the samples of a thread; gaps are +Infinity.
fn sort_column(lane: u32) {
  for (var n = 0u; n < params.pairs; n++) {
    let pair = network[n];
    let a = (pair & 0xffffu) * WORKGROUP + lane;
    let b = (pair >> 16u) * WORKGROUP + lane;
    let x = column[a];
    let y = column[b];
    if (x > y) {
      column[a] = y;
      column[b] = x;
    }
  }
}

// Median of samples lower <= k < upper, sorted.
fn median_of(lane: u32, lower: u32, upper: u32) -> f32 {
  let middle = (lower + upper) >> 1u;
  let high = sample(lane, middle);
  if (((upper - lower) & 1u) == 1u) { return high; }
  return 0.5 * sample(lane, middle - 1u) + 0.5 * high;
}

// Median distance from the centre, walking outwards from the middle.
fn mad_of(lane: u32, lower: u32, upper: u32, centre: f32) -> f32 {
  let samples = upper - lower;
  var left = i32((lower + upper) >> 1u) - 1;
  var right = left + 1;
  var before = 0.0;
  var last = 0.0;
  for (var taken = 0u; taken <= (samples >> 1u); taken++) {
    let has_left = left >= i32(lower);
    let has_right = right < i32(upper);
    var down = 0.0;
    var up = 0.0;
    if (has_left) { down = centre - sample(lane, u32(left)); }
    if (has_right) { up = sample(lane, u32(right)) - centre; }
    before = last;
    if (has_left && (!has_right || down <= up)) {
      last = down;
      left -= 1;
    } else {
      last = up;
      right += 1;
    }
  }
  if ((samples & 1u) == 1u) { return last; }
  return 0.5 * (before + last);
}

