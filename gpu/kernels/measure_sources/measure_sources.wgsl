// Shapes, places and fluxes of sources, a thread a peak. Slots and parameters as in measure_sources.as.ts; in
// float32, which has digits enough: places count from the peak, pixels from the sky, and the fit of a shape
// takes lengths in units of its reach, and light in units of the peak.
override WORKGROUP: u32 = 64u;

struct Params {
  width: u32, rows: u32, top: u32, input_rows: u32,
  image_width: i32, image_height: i32, first: i32, threshold: f32, unusable: u32,
  saturated: u32, fwhm: f32, gain: f32,
}

@group(0) @binding(0) var<storage, read> image: array<f32>;
@group(0) @binding(1) var<storage, read> mask: array<u32>;
@group(0) @binding(2) var<storage, read> peaks: array<f32>;
@group(0) @binding(3) var<storage, read_write> shapes_out: array<f32>;
@group(0) @binding(4) var<uniform> shape_params: Params;

@group(0) @binding(3) var<storage, read> shapes: array<f32>;
@group(0) @binding(4) var<storage, read_write> sources: array<u32>;
@group(0) @binding(5) var<uniform> source_params: Params;

const NAN = 0x7fc00000u;
const FWHM_OF_SIGMA = 2.3548;
const CORE_REACH = 12;
const CENTRE_ROUNDS = 3u;
const FLAG_SATURATED = 4u;
const FLAG_TRUNCATED = 8u;
const FLAG_CORRUPTED = 64u;

var<private> params: Params;

fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

fn place_of(x: i32, y: i32) -> u32 { return u32((y - params.first) * params.image_width + x); }

struct Peak { x: i32, y: i32, sky: f32, sigma: f32 }

fn peak_at(i: u32) -> Peak {
  return Peak(i32(peaks[4u * i]), i32(peaks[4u * i + 1u]), peaks[4u * i + 2u], peaks[4u * i + 3u]);
}

// A pixel above the sky, so far from the peak.
fn light_at(peak: Peak, dx: i32, dy: i32) -> f32 { return image[place_of(peak.x + dx, peak.y + dy)] - peak.sky; }

fn smoothed(peak: Peak) -> f32 {
  var sum = 0.0;
  var count = 0.0;
  for (var dy = max(-1, -peak.y); dy <= min(1, params.image_height - 1 - peak.y); dy++) {
    for (var dx = max(-1, -peak.x); dx <= min(1, params.image_width - 1 - peak.x); dx++) {
      let light = light_at(peak, dx, dy);
      if (is_nan(light)) { continue; }
      sum += light;
      count += 1.0;
    }
  }
  return sum / max(count, 1.0);
}

fn planes_near(peak: Peak, reach: i32) -> u32 {
  var planes = 0u;
  for (var y = max(0, peak.y - reach); y <= min(params.image_height - 1, peak.y + reach); y++) {
    for (var x = max(0, peak.x - reach); x <= min(params.image_width - 1, peak.x + reach); x++) {
      let i = place_of(x, y);
      planes |= (mask[i / 2u] >> (16u * (i & 1u))) & 0xffffu;
    }
  }
  return planes;
}

// How far the core reaches from its peak; 0 where it leaves the image or has no end.
fn core_reach(peak: Peak, height: f32) -> i32 {
  let right = params.image_width - 1 - peak.x;
  let below = params.image_height - 1 - peak.y;
  let most = min(CORE_REACH, min(min(peak.x, peak.y), min(right, below)));
  for (var reach = 1; reach <= most; reach++) {
    let around = light_at(peak, -reach, 0) + light_at(peak, reach, 0) +
      light_at(peak, 0, -reach) + light_at(peak, 0, reach);
    if (!is_nan(around) && around / 4.0 < height / 3.0) { return reach; }
  }
  return 0;
}

// Moments of the weight with 1, x, y, xx, xy, yy, xxx ... yyyy, then of the weight times the logarithm with the
// first six.
const MOMENTS = 21u;
const LOGS = 15u;
// Which of them stand in the rows of the equations.
var<private> COLUMNS: array<u32, 42> = array<u32, 42>(
  0u, 1u, 2u, 3u, 4u, 5u, 15u,
  1u, 3u, 4u, 6u, 7u, 8u, 16u,
  2u, 4u, 5u, 7u, 8u, 9u, 17u,
  3u, 6u, 7u, 10u, 11u, 12u, 18u,
  4u, 7u, 8u, 11u, 12u, 13u, 19u,
  5u, 8u, 9u, 12u, 13u, 14u, 20u,
);

var<private> moments: array<f32, MOMENTS>;
var<private> equations: array<f32, 42>;

fn add_row(peak: Peak, height: f32, reach: i32, dy: i32) -> u32 {
  var part: array<f32, MOMENTS>;
  var count = 0u;
  let y = f32(dy) / f32(reach);
  for (var dx = -reach; dx <= reach; dx++) {
    let light = light_at(peak, dx, dy);
    let beyond = dx * dx + dy * dy > reach * reach + 1;
    if (beyond || is_nan(light) || !(light > height / 3.0)) { continue; }
    let x = f32(dx) / f32(reach);
    let signal = light / height;
    var products = array<f32, LOGS>(
      1.0, x, y, x * x, x * y, y * y, x * x * x, x * x * y, x * y * y, y * y * y,
      x * x * x * x, x * x * x * y, x * x * y * y, x * y * y * y, y * y * y * y,
    );
    let weight = signal * signal;
    let weighted = weight * log(signal);
    for (var k = 0u; k < LOGS; k++) { part[k] += weight * products[k]; }
    for (var k = LOGS; k < MOMENTS; k++) { part[k] += weighted * products[k - LOGS]; }
    count++;
  }
  for (var k = 0u; k < MOMENTS; k++) { moments[k] += part[k]; }
  return count;
}

// Solves six equations by elimination with pivots; false when they do not determine anything.
fn eliminate() -> bool {
  for (var i = 0u; i < 6u; i++) {
    var pivot = i;
    for (var r = i + 1u; r < 6u; r++) {
      if (abs(equations[7u * r + i]) > abs(equations[7u * pivot + i])) { pivot = r; }
    }
    if (!(abs(equations[7u * pivot + i]) > 1e-6 * moments[0])) { return false; }
    for (var c = 0u; c < 7u; c++) {
      let value = equations[7u * i + c];
      equations[7u * i + c] = equations[7u * pivot + c];
      equations[7u * pivot + c] = value;
    }
    for (var r = 0u; r < 6u; r++) {
      if (r == i) { continue; }
      let factor = equations[7u * r + i] / equations[7u * i + i];
      for (var c = i; c < 7u; c++) { equations[7u * r + c] -= factor * equations[7u * i + c]; }
    }
  }
  return true;
}

fn coefficient(i: u32) -> f32 { return equations[7u * i + 6u] / equations[8u * i]; }

struct Shape { known: bool, x: f32, y: f32, fwhm: f32, ellipticity: f32 }

fn shape_of(reach: i32) -> Shape {
  var none = Shape(false, 0.0, 0.0, 0.0, 0.0);
  let c1 = coefficient(1u);
  let c2 = coefficient(2u);
  let c3 = coefficient(3u);
  let c4 = coefficient(4u);
  let c5 = coefficient(5u);
  let determinant = 4.0 * c3 * c5 - c4 * c4;
  if (!(c3 < 0.0 && c5 < 0.0 && determinant > 0.0)) { return none; }
  let x = (c4 * c2 - 2.0 * c5 * c1) / determinant;
  let y = (c4 * c1 - 2.0 * c3 * c2) / determinant;
  if (x * x + y * y > 1.0) { return none; }
  let mean = -(c3 + c5) / 2.0;
  let half = (c3 - c5) / 2.0;
  let split = sqrt(half * half + c4 * c4 / 4.0);
  // exp(-mean r^2): the axes have mean +- split
  let minor = 1.0 / sqrt(2.0 * (mean + split));
  let major = 1.0 / sqrt(2.0 * (mean - split));
  let unit = f32(reach);
  return Shape(true, unit * x, unit * y, unit * FWHM_OF_SIGMA * sqrt(minor * major), 1.0 - minor / major);
}

fn fit_shape(peak: Peak) -> Shape {
  var none = Shape(false, 0.0, 0.0, 0.0, 0.0);
  let height = light_at(peak, 0, 0);
  if (is_nan(height)) { return none; }
  let reach = core_reach(peak, height);
  if (reach == 0) { return none; }
  for (var k = 0u; k < MOMENTS; k++) { moments[k] = 0.0; }
  var count = 0u;
  for (var dy = -reach; dy <= reach; dy++) { count += add_row(peak, height, reach, dy); }
  for (var k = 0u; k < 42u; k++) { equations[k] = moments[COLUMNS[k]]; }
  if (count < 7u || !eliminate()) { return none; }
  return shape_of(reach);
}

@compute @workgroup_size(WORKGROUP)
fn shapePeaks(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
              @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= shape_params.rows) { return; }
  params = shape_params;
  let peak = peak_at(i);
  let height = smoothed(peak) / peak.sigma;
  var planes = 0u;
  var shape = Shape(false, 0.0, 0.0, 0.0, 0.0);
  if (height >= params.threshold) {
    planes = planes_near(peak, 2);
    shape = fit_shape(peak);
  }
  shapes_out[7u * i] = height;
  shapes_out[7u * i + 1u] = f32(planes);
  shapes_out[7u * i + 2u] = select(0.0, 1.0, shape.known);
  shapes_out[7u * i + 3u] = shape.x;
  shapes_out[7u * i + 4u] = shape.y;
  shapes_out[7u * i + 5u] = shape.fwhm;
  shapes_out[7u * i + 6u] = shape.ellipticity;
}

// The centre of light under a Gaussian window of the width of the stars, moved along until it rests.
fn centre_of(peak: Peak, start: vec2f) -> vec2f {
  let reach = i32(ceil(1.5 * params.fwhm));
  let sigma = params.fwhm / FWHM_OF_SIGMA;
  let middle = vec2i(floor(start + 0.5));
  let low = max(middle - reach, vec2i(-peak.x, -peak.y));
  let high = min(middle + reach, vec2i(params.image_width - 1 - peak.x, params.image_height - 1 - peak.y));
  var place = start;
  for (var round = 0u; round < CENTRE_ROUNDS; round++) {
    var sum = vec3f(0.0);
    for (var y = low.y; y <= high.y; y++) {
      var line = vec3f(0.0);
      for (var x = low.x; x <= high.x; x++) {
        let light = light_at(peak, x, y);
        if (is_nan(light)) { continue; }
        let away = vec2f(f32(x), f32(y)) - place;
        line += light * exp(-dot(away, away) / (2.0 * sigma * sigma)) * vec3f(away, 1.0);
      }
      sum += line;
    }
    if (!(sum.z > 0.0)) { break; }
    // under a window of its own width the centre of a star has moved half way
    place += 2.0 * sum.xy / sum.z;
  }
  return select(start, place, length(place - start) < params.fwhm);
}

struct Disc { sum: f32, count: f32, whole: bool }

// Sum above the sky of the pixels whose centres lie within a radius.
fn disc_of(peak: Peak, place: vec2f, radius: f32) -> Disc {
  let right = params.image_width - 1 - peak.x;
  let last = params.image_height - 1 - peak.y;
  let top = i32(ceil(place.y - radius));
  let bottom = i32(floor(place.y + radius));
  var disc = Disc(0.0, 0.0, top >= -peak.y && bottom <= last);
  for (var y = max(-peak.y, top); y <= min(last, bottom); y++) {
    let dy = f32(y) - place.y;
    let half = sqrt(max(0.0, (radius - dy) * (radius + dy)));
    let from_x = i32(ceil(place.x - half));
    let to_x = i32(floor(place.x + half));
    disc.whole = disc.whole && from_x >= -peak.x && to_x <= right;
    var sum = 0.0;
    for (var x = max(-peak.x, from_x); x <= min(right, to_x); x++) {
      let light = light_at(peak, x, y);
      if (is_nan(light)) { continue; }
      sum += light;
      disc.count += 1.0;
    }
    disc.sum += sum;
  }
  return disc;
}

fn store(i: u32, k: u32, value: f32) { sources[7u * i + k] = bitcast<u32>(value); }

@compute @workgroup_size(WORKGROUP)
fn measurePeaks(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
                @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= source_params.rows) { return; }
  params = source_params;
  let peak = peak_at(i);
  let height = shapes[7u * i];
  for (var k = 0u; k < 7u; k++) { store(i, k, 0.0); }
  sources[7u * i + 4u] = NAN;
  sources[7u * i + 5u] = NAN;
  if (!(height >= params.threshold)) {
    // what its peak amounts to over nine pixels
    store(i, 2u, 9.0 * height * peak.sigma);
    store(i, 3u, 3.0 * peak.sigma);
    return;
  }
  let place = centre_of(peak, vec2f(shapes[7u * i + 3u], shapes[7u * i + 4u]));
  let wide = disc_of(peak, place, 2.0 * params.fwhm);
  let core = disc_of(peak, place, params.fwhm);
  let error = sqrt(core.count * peak.sigma * peak.sigma + max(0.0, core.sum) / params.gain);
  store(i, 0u, place.x);
  store(i, 1u, place.y);
  store(i, 2u, wide.sum);
  store(i, 3u, abs(wide.sum) * error / abs(core.sum));
  if (shapes[7u * i + 2u] != 0.0) {
    store(i, 4u, shapes[7u * i + 5u]);
    store(i, 5u, shapes[7u * i + 6u]);
  }
  let planes = planes_near(peak, i32(ceil(params.fwhm)));
  var flags = 0u;
  if ((planes & params.saturated) != 0u) { flags |= FLAG_SATURATED; }
  if (!wide.whole) { flags |= FLAG_TRUNCATED; }
  if ((planes & params.unusable & ~params.saturated) != 0u) { flags |= FLAG_CORRUPTED; }
  store(i, 6u, f32(flags));
}
