import assert from "node:assert/strict";
import { loadSite } from "../config/site.ts";
import { RADIANS } from "../sky/angle.ts";
import { type LightTruth, lightTruth, type NightFrame } from "./conditions.ts";
import { Detector } from "./detector.ts";
import { rawStrips } from "./exposure.ts";
import { encircled } from "./profile.ts";
import { pointsOf } from "./render.ts";
import { magnitudeIn, makeScene, type Scene } from "./scene.ts";
import { expectedSnr, SNR_RADIUS_FWHM } from "./transients.ts";

const SIZE = 700;
const unit = (await loadSite({ env: {} })).unit("7DT07");
const night: NightFrame = {
  seed: 5,
  date: "2024-04-23",
  unit,
  width: SIZE,
  height: SIZE,
  seeingArcsec: 2,
  ditherArcsec: 5,
  pointingErrorArcsec: 5,
  distortionPx: 3,
};
const centre = { raDeg: 185.9, decDeg: -30.2 };
const filter = "m600";

/** A grid of stars of one brightness, 50 px apart. */
function grid(mag600: number): Scene {
  const stars = [];
  for (let j = -5; j <= 5; j++) {
    for (let i = -5; i <= 5; i++) {
      const decDeg = centre.decDeg + j * 50.37 * 0.505 / 3600;
      const raDeg = centre.raDeg + i * 50.71 * 0.505 / 3600 / Math.cos(decDeg * RADIANS);
      stars.push({ raDeg, decDeg, mag600, temperatureK: 6000 });
    }
  }
  return { object: "grid", ...centre, stars, galaxies: [] };
}

/** Light minus bias and dark, over the response: electrons. */
function exposeCalibrated(scene: Scene): { electrons: Float64Array; light: LightTruth } {
  const light = lightTruth(night, { filter, exposureS: 100, mjd: 60423.125, index: 0, ...centre });
  const detector = new Detector(unit, { width: SIZE, height: SIZE });
  const points = pointsOf(scene, {
    wcs: light.wcs,
    psf: light.psf,
    thresholdE: 0.1,
    fluxOf: (source) => light.electronsAtZero * 10 ** (-0.4 * magnitudeIn(source, filter)),
    extra: [],
  });
  const electrons = new Float64Array(SIZE * SIZE);
  const rows = [0, 1, 2].map(() => new Float32Array(SIZE));
  let y = 0;
  const strips = rawStrips(detector, {
    exposureS: 100,
    filter,
    skyE: light.skyE,
    skyGradient: [0, 0],
    sources: { points, psf: light.psf },
    cosmicCount: 0,
    biasDriftAdu: 0,
    darkFactor: 1,
    noiseKeys: [9],
  });
  for (const strip of strips) {
    for (let row = 0; row < strip.length / SIZE; row++, y++) {
      const [bias, dark, response] = rows as [Float32Array, Float32Array, Float32Array];
      detector.biasRow(y, bias);
      detector.darkRow(y, dark);
      detector.responseRow(y, filter, response);
      for (let x = 0; x < SIZE; x++) {
        const charge = (strip[row * SIZE + x]! - bias[x]!) * unit.gainEAdu - 100 * dark[x]!;
        // A hot pixel is worth what its neighbour is worth.
        electrons[y * SIZE + x] = dark[x]! > 1 || response[x]! < 0.7
          ? electrons[y * SIZE + x - 1]!
          : charge / response[x]! - light.skyE;
      }
    }
  }
  return { electrons, light };
}

interface Measured {
  readonly flux: number;
  readonly dx: number;
  readonly dy: number;
}

/** Sum and Gaussian-weighted centroid in a circle around the true place of each star. */
function measure(
  electrons: Float64Array,
  light: LightTruth,
  scene: Scene,
  radiusPx: number,
): Measured[] {
  return scene.stars.map(({ raDeg, decDeg }) => {
    const [x, y] = light.wcs.skyToPixel(raDeg, decDeg);
    const reach = Math.ceil(radiusPx);
    let flux = 0, weights = 0, sumX = 0, sumY = 0;
    for (let j = Math.round(y) - reach; j <= Math.round(y) + reach; j++) {
      for (let i = Math.round(x) - reach; i <= Math.round(x) + reach; i++) {
        const dx = i - x, dy = j - y, r = Math.hypot(dx, dy);
        const value = electrons[j * SIZE + i]!;
        flux += value * Math.min(1, Math.max(0, radiusPx + 0.5 - r));
        const weight = Math.exp(-r * r / 8);
        weights += value * weight;
        sumX += value * weight * dx;
        sumY += value * weight * dy;
      }
    }
    return { flux, dx: sumX / weights, dy: sumY / weights };
  });
}

function meanAndSpread(values: readonly number[]): { mean: number; spread: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, spread: Math.sqrt(square / (values.length - 1)) };
}

Deno.test("stars have the flux and the place of the truth", () => {
  const scene = grid(14);
  const { electrons, light } = exposeCalibrated(scene);
  const measured = measure(electrons, light, scene, 16);
  const truth = light.electronsAtZero * 10 ** (-0.4 * magnitudeIn(scene.stars[0]!, filter));
  const { mean, spread } = meanAndSpread(measured.map(({ flux }) => flux / truth));
  // 0.11 % of the light lies outside the stamp.
  assert.ok(Math.abs(mean - 0.999) < 0.002, String(mean));
  assert.ok(spread < 0.01, String(spread));
  const x = meanAndSpread(measured.map(({ dx }) => dx));
  const y = meanAndSpread(measured.map(({ dy }) => dy));
  assert.ok(Math.hypot(x.mean, y.mean) < 0.005, `${x.mean} ${y.mean}`);
  assert.ok(Math.hypot(x.spread, y.spread) < 0.03, `${x.spread} ${y.spread}`);
});

Deno.test("the expected signal to noise is that of the simulated frames", () => {
  const scene = grid(19.5);
  const { electrons, light } = exposeCalibrated(scene);
  const radius = SNR_RADIUS_FWHM * light.psf.fwhmPx;
  const { mean, spread } = meanAndSpread(
    measure(electrons, light, scene, radius).map(({ flux }) => flux),
  );
  const noise = { lights: [{ ...light, filter }], readNoiseE: unit.readNoiseE, saturationE: 16000 };
  const expected = expectedSnr(scene.stars[0]!, null, noise, filter);
  // 121 stars: the spread is known to 6.5 %.
  assert.ok(Math.abs(mean / spread / expected - 1) < 0.25, `${mean / spread} ${expected}`);
  const truth = light.electronsAtZero * 10 ** (-0.4 * magnitudeIn(scene.stars[0]!, filter));
  assert.ok(Math.abs(mean / truth / encircled(SNR_RADIUS_FWHM) - 1) < 0.1);
});

Deno.test("the FWHM of stars is the seeing asked for", () => {
  const scene = grid(14);
  const { electrons, light } = exposeCalibrated(scene);
  const [x, y] = light.wcs.skyToPixel(scene.stars[60]!.raDeg, scene.stars[60]!.decDeg);
  let inside = 0;
  const total = measure(electrons, light, scene, 16)[60]!.flux;
  const half = light.psf.fwhmPx / 2;
  for (let j = Math.round(y) - 8; j <= Math.round(y) + 8; j++) {
    for (let i = Math.round(x) - 8; i <= Math.round(x) + 8; i++) {
      const cover = Math.min(1, Math.max(0, half + 0.5 - Math.hypot(i - x, j - y)));
      inside += electrons[j * SIZE + i]! * cover;
    }
  }
  assert.ok(Math.abs(inside / total - encircled(0.5)) < 0.03, `${inside / total}`);
});

Deno.test("distortion moves the corners by what was asked, and frames are dithered", () => {
  const request = { filter, exposureS: 100, mjd: 60423.125, ...centre };
  const [first, second] = [0, 1].map((index) => lightTruth(night, { ...request, index }));
  const straight = lightTruth({ ...night, distortionPx: 0 }, { ...request, index: 0 });
  const corner = straight.wcs.pixelToSky(-0.5, -0.5);
  const [x, y] = first!.wcs.skyToPixel(...corner);
  assert.ok(Math.abs(Math.hypot(x + 0.5, y + 0.5) - 3) < 0.2, `${x} ${y}`);
  assert.notDeepEqual(first!.commanded, second!.commanded);
  assert.notEqual(first!.seeingArcsec, second!.seeingArcsec);
});

Deno.test("number counts of a scene are those asked for", () => {
  const scene = makeScene({
    seed: 1,
    object: "T1",
    ...centre,
    halfSideArcsec: 1800,
    starsPerDeg2: 3000,
    galaxiesPerDeg2: 1500,
  });
  const bright = scene.stars.filter(({ mag600 }) => mag600 < 18).length;
  assert.ok(Math.abs(bright - 3000) < 5 * Math.sqrt(3000), String(bright));
  const galaxies = scene.galaxies.filter(({ mag600 }) => mag600 < 20).length;
  assert.ok(Math.abs(galaxies - 1500) < 5 * Math.sqrt(1500), String(galaxies));
});
