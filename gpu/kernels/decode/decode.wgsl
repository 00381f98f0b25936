// Stored pixels of a FITS file, big-endian, to float32: zero + scale * stored.
// raw [planes, rows * width], bytes as in the file, each plane from a whole word on.
// out [planes, rows * width]; BLANK becomes NaN. Numbers below 2^-126 become 0.
override WORKGROUP: u32 = 64u;

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  scale64: vec2u, zero64: vec2u,               // float64, for WebAssembly
  scale: f32, zero: f32, flags: u32, blank_low: u32,
  blank_high: u32, planes: u32, bitpix: i32,
}

@group(0) @binding(0) var<storage, read> raw: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

const HAS_BLANK = 1u;
const UNSIGNED = 2u;
const SCALED = 8u;                             // scale and zero are not 1 and 0

// A constant NaN is an error in WGSL, so it is made from bits that the compiler does not know.
fn not_a_number() -> f32 { return bitcast<f32>(0x7fc00000u | (params.width & 1u)); }

fn swap32(v: u32) -> u32 {
  return (v << 24u) | ((v & 0xff00u) << 8u) | ((v >> 8u) & 0xff00u) | (v >> 24u);
}

fn scaled(v: f32) -> f32 {
  return select(v, v * params.scale + params.zero, (params.flags & SCALED) != 0u);
}

fn is_blank(low: u32, high: u32) -> bool {
  return (params.flags & HAS_BLANK) != 0u && low == params.blank_low && high == params.blank_high;
}

fn from_integer(v: i32, sign_bit: u32) -> f32 {
  if (is_blank(bitcast<u32>(v), bitcast<u32>(v >> 31u))) { return not_a_number(); }
  if ((params.flags & UNSIGNED) == 0u) { return scaled(f32(v)); }
  let counted = bitcast<u32>(v) + sign_bit;
  return scaled(f32(counted));
}

fn from_long(high: u32, low: u32) -> f32 {
  if (is_blank(low, high)) { return not_a_number(); }
  let is_unsigned = (params.flags & UNSIGNED) != 0u;
  let negative = !is_unsigned && (high >> 31u) != 0u;
  var h = select(high, high ^ 0x80000000u, is_unsigned);
  var l = low;
  if (negative) {
    l = ~l + 1u;
    h = ~h + select(0u, 1u, l == 0u);
  }
  let size = f32(h) * 4294967296.0 + f32(l);
  return scaled(select(size, -size, negative));
}

// Rounds to the nearest float32, ties to even.
fn from_double(high: u32, low: u32) -> f32 {
  let exponent = i32((high >> 20u) & 0x7ffu) - 896;
  let sign = high & 0x80000000u;
  var bits = ((high & 0xfffffu) << 3u) | (low >> 29u);
  if (exponent >= 1151) {
    let payload = (high & 0xfffffu) | low;
    return bitcast<f32>(sign | select(0x7f800000u, 0x7fc00000u, payload != 0u));
  }
  if (exponent >= 255) { return bitcast<f32>(sign | (0x7f7fffffu + params.width / params.width)); }
  if (exponent <= 0) { return scaled(0.0); }
  let rest = low & 0x1fffffffu;
  bits = bits | (u32(exponent) << 23u);
  if (rest > 0x10000000u || (rest == 0x10000000u && (bits & 1u) == 1u)) { bits += 1u; }
  return scaled(bitcast<f32>(sign | bits));
}

fn plane_words(bytes: u32) -> u32 { return (params.rows * params.width * bytes + 3u) / 4u; }

// Pixel i of plane k.
fn pixel(k: u32, i: u32) -> f32 {
  let place = k * params.rows * params.width + i;
  switch (params.bitpix) {
    case 8: {
      let word = raw[k * plane_words(1u) + i / 4u];
      return from_integer(i32((word >> (8u * (i & 3u))) & 0xffu), 0u);
    }
    case 16: {
      let half = raw[k * plane_words(2u) + i / 2u] >> (16u * (i & 1u));
      let stored = bitcast<i32>(((half & 0xffu) << 24u) | ((half & 0xff00u) << 8u)) >> 16u;
      return from_integer(stored, 0x8000u);
    }
    case 32: { return from_integer(bitcast<i32>(swap32(raw[place])), 0x80000000u); }
    case 64: { return from_long(swap32(raw[2u * place]), swap32(raw[2u * place + 1u])); }
    case -32: { return scaled(bitcast<f32>(swap32(raw[place]))); }
    default: { return from_double(swap32(raw[2u * place]), swap32(raw[2u * place + 1u])); }
  }
}

@compute @workgroup_size(WORKGROUP)
fn decodeRows(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let pixels = params.rows * params.width;
  if (i >= pixels) { return; }
  for (var k = 0u; k < params.planes; k++) { out[k * pixels + i] = pixel(k, i); }
}
