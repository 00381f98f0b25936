// What kernels share that sort the samples of a pixel: planes of a block of pixels, one a frame, sorted
// lane by lane by a network, and statistics of the sorted samples of one lane.
// `bytes` are those of a plane of the block: 64 or 128, a constant.

function exchange(a: usize, b: usize): void {
  const x = v128.load(a);
  const y = v128.load(b);
  v128.store(a, f32x4.relaxed_min(x, y));
  v128.store(b, f32x4.relaxed_max(x, y));
}

/** Sorts every lane of the planes; there is no NaN in them. `pairs` of planes, two u16 each. */
// @ts-ignore: AssemblyScript
@inline
export function sortPlanes(planes: usize, network: usize, pairs: u32, bytes: usize): void {
  for (const end = network + (<usize>pairs << 2); network < end; network += 4) {
    const a = planes + <usize>load<u16>(network) * bytes;
    const b = planes + <usize>load<u16>(network, 2) * bytes;
    exchange(a, b);
    exchange(a + 16, b + 16);
    exchange(a + 32, b + 32);
    exchange(a + 48, b + 48);
    if (bytes == 64) continue;
    exchange(a + 64, b + 64);
    exchange(a + 80, b + 80);
    exchange(a + 96, b + 96);
    exchange(a + 112, b + 112);
  }
}

/** Mean of two vectors, which does not overflow. */
export function middle(low: usize, high: usize): v128 {
  const half = f32x4.splat(0.5);
  return f32x4.add(f32x4.mul(v128.load(low), half), f32x4.mul(v128.load(high), half));
}

/** Sample k of a pixel whose lane begins at `lane`. */
// @ts-ignore: AssemblyScript
@inline
export function sample(lane: usize, k: u32, bytes: usize): f64 {
  return <f64>load<f32>(lane + <usize>k * bytes);
}

/** Median of samples from ≤ k < to, sorted. */
// @ts-ignore: AssemblyScript
@inline
export function medianOf(lane: usize, from: u32, to: u32, bytes: usize): f64 {
  const upper = (from + to) >> 1;
  const high = sample(lane, upper, bytes);
  return ((to - from) & 1) == 1 ? high : (sample(lane, upper - 1, bytes) + high) * 0.5;
}

/** Median distance from the centre, walking outwards from the middle. */
// @ts-ignore: AssemblyScript
@inline
export function madOf(lane: usize, from: u32, to: u32, centre: f64, bytes: usize): f64 {
  const samples = to - from;
  let left: i32 = ((from + to) >> 1) - 1;
  let right: i32 = left + 1;
  let before: f64 = 0;
  let last: f64 = 0;
  for (let taken: u32 = 0; taken <= samples >> 1; taken++) {
    const down = left >= <i32>from ? centre - sample(lane, left, bytes) : Infinity;
    const up = right < <i32>to ? sample(lane, right, bytes) - centre : Infinity;
    before = last;
    if (down <= up) {
      last = down;
      left--;
    } else {
      last = up;
      right++;
    }
  }
  return (samples & 1) == 1 ? last : (before + last) * 0.5;
}
