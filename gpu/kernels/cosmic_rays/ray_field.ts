/**
 * A simulated frame to look for cosmic rays in.
 *
 * @module
 */

/** A simulated frame whose stars and rays are known. */
export interface RayField {
  /** Pixels a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** `[height, width]` ADU; NaN in half of the bad pixels. */
  readonly values: Float32Array;
  /** `[height, width]`; 1 for a bad pixel. */
  readonly mask: Uint16Array;
  /**
   * 1 where a ray left more than 10 sigma, 2 within a star's full width at half maximum, 3 where a ray
   * struck there.
   */
  readonly truth: Uint8Array;
  /** Pixel that each star's centre lies in. */
  readonly stars: readonly number[];
}

/** Random numbers of a seed. */
function source(seed: number) {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

/**
 * Makes a sky of 800 ADU with stars of 3 px full width, rays from single pixels to tracks, and bad
 * pixels; gain 0.8 e⁻/ADU, read noise 5 e⁻.
 *
 * @param width Pixels a row.
 * @param height Rows.
 * @param seed Of the random numbers.
 */
export function makeRayField(width: number, height: number, seed: number): RayField {
  const { uniform, normal } = source(seed);
  const light = new Float32Array(width * height).fill(800);
  const truth = new Uint8Array(light.length);
  const stars: number[] = [];
  const sigma = 3 / 2.3548;
  for (let star = 0; star < width * height / 1200; star++) {
    const [cx, cy] = [uniform() * width, uniform() * height];
    const flux = 10 ** (2.5 + 3 * uniform());
    stars.push(Math.floor(cy) * width + Math.floor(cx));
    for (let y = Math.max(0, Math.floor(cy - 12)); y < Math.min(height, cy + 13); y++) {
      for (let x = Math.max(0, Math.floor(cx - 12)); x < Math.min(width, cx + 13); x++) {
        const r2 = (x - cx) ** 2 + (y - cy) ** 2;
        light[y * width + x]! += flux * Math.exp(-r2 / (2 * sigma ** 2)) /
          (2 * Math.PI * sigma ** 2);
        if (r2 < 1.5 ** 2) truth[y * width + x] = 2;
      }
    }
  }
  const noiseOf = (adu: number) => Math.sqrt(adu / 0.8 + (5 / 0.8) ** 2);
  const values = light.map((adu) => adu + noiseOf(adu) * normal());
  for (let ray = 0; ray < width * height / 2000; ray++) {
    const angle = uniform() * 2 * Math.PI;
    const length = 1 + 8 * uniform() ** 3;
    const strength = 300 + 4000 * uniform();
    const [x0, y0] = [uniform() * width, uniform() * height];
    const hit = new Set<number>();
    for (let step = 0; step < length; step += 0.5) {
      const x = Math.floor(x0 + step * Math.cos(angle));
      const y = Math.floor(y0 + step * Math.sin(angle));
      if (x >= 0 && y >= 0 && x < width && y < height) hit.add(y * width + x);
    }
    for (const i of hit) {
      if (truth[i]! >= 2) truth[i] = 3;
      else if (strength > 10 * noiseOf(light[i]!)) truth[i] = 1;
      values[i]! += strength;
    }
  }
  const mask = new Uint16Array(light.length);
  for (let i = 5; i < mask.length; i += 997) [values[i], mask[i]] = [i % 2 ? NaN : 60000, 1];
  return { width, height, values, mask, truth, stars };
}
