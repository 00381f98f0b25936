/**
 * A stack and a reference on disk, for tests of the whole stage.
 *
 * @module
 */

import { join } from "node:path";
import type { Site } from "../../config/site.ts";
import { loadSite } from "../../config/site.ts";
import { FitsHeader } from "../../fits/header.ts";
import { writeImage } from "../../fits/image.ts";
import { setWcs, tanWcs, type Wcs } from "../../sky/wcs.ts";
import { writeMask } from "../../sky/mask.ts";
import type { NewProduct } from "../stage.ts";
import { addStar, normalNumbers, randomNumbers, type TruthSource } from "./_synthetic_pair.ts";

/** What the two files are made like. */
export interface FixtureOptions {
  readonly size?: number;
  readonly scienceFwhmPx?: number;
  readonly referenceFwhmPx?: number;
  /** Science flux over reference flux. */
  readonly scale?: number;
  /** Offset of the reference's centre and its rotation. */
  readonly offsetArcsec?: number;
  readonly rotationDeg?: number;
  readonly transients?: readonly TruthSource[];
  readonly stars?: number;
  readonly seed?: number;
}

/** The stage's world. */
export interface Fixture {
  readonly site: Site;
  readonly folder: string;
  readonly products: NewProduct[];
  readonly stackId: string;
  readonly stars: readonly TruthSource[];
}

const SCALE_ARCSEC = 0.505;

/**
 * Writes a stack, its mask and a reference that is larger than needed by nothing.
 *
 * @param base An empty folder.
 * @param options Sizes, seeing, grids.
 * @returns Site, folder and products.
 */
export async function makeFixture(base: string, options: FixtureOptions = {}): Promise<Fixture> {
  const { size = 700, scale = 1, seed = 5, offsetArcsec = 0, rotationDeg = 0 } = options;
  const grid = { decDeg: -30, scaleArcsec: SCALE_ARCSEC, width: size, height: size };
  const science = tanWcs({ ...grid, raDeg: 120 });
  const reference = tanWcs({ ...grid, raDeg: 120 + offsetArcsec / 3600, rotationDeg });
  const random = randomNumbers(seed);
  const stars = Array.from({ length: options.stars ?? 250 }, () => ({
    x: (random() * 1.2 - 0.1) * size,
    y: (random() * 1.2 - 0.1) * size,
    flux: Math.min(900 / (random() + 0.004), 2e5),
  }));
  const folder = join(base, "work");
  const references = join(base, "ref_frame", "m600");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.mkdir(references, { recursive: true });
  const stackId = "calib_7DT07_T09614_20240423_025312_m600_300.com";
  const path = join(base, `${stackId}.fits`);
  await writeImage(path, {
    ...paint({ size, sources: [...stars, ...options.transients ?? []], seed: seed + 1, sky: 400 }, {
      wcs: science,
      skyOf: science,
      fwhmPx: options.scienceFwhmPx ?? 4,
      scale: 1,
    }),
  });
  const mask = new Uint16Array(size * size);
  mask[10 * size + 300] = 1;
  const maskPath = join(base, `${stackId}.mask.fits`);
  await writeMask(maskPath, { width: size, height: size, data: mask });
  await writeImage(join(references, "ref_7DT_T09614_m600_20240101.fits"), {
    ...paint({ size, sources: stars, seed: seed + 2, sky: 150 }, {
      wcs: reference,
      skyOf: science,
      fwhmPx: options.referenceFwhmPx ?? 3,
      scale: 1 / scale,
    }),
  });
  const common = { unit: "7DT07", object: "T09614", filter: "m600" };
  return {
    site: await loadSite({ base, env: {} }),
    folder,
    stackId,
    stars,
    products: [
      { id: stackId, kind: "stack", path, ...common },
      { id: `${stackId}.mask`, kind: "mask", path: maskPath, of: stackId },
    ],
  };
}

function paint(
  image: {
    readonly size: number;
    readonly sources: readonly TruthSource[];
    readonly seed: number;
    readonly sky: number;
  },
  how: { readonly wcs: Wcs; readonly skyOf: Wcs; readonly fwhmPx: number; readonly scale: number },
) {
  const { size } = image;
  const gain = 2, sigma = 6;
  const signal = new Float64Array(size * size);
  for (const { x, y, flux } of image.sources) {
    const [raDeg, decDeg] = how.skyOf.pixelToSky(x, y);
    const [px, py] = how.wcs.skyToPixel(raDeg, decDeg);
    addStar(signal, size, { x: px, y: py, flux: flux * how.scale, fwhmPx: how.fwhmPx });
  }
  const normal = normalNumbers(image.seed);
  const data = Float32Array.from(
    signal,
    (value) => value + image.sky + normal() * Math.sqrt(sigma ** 2 + value / gain),
  );
  const header = FitsHeader.from({
    OBJECT: "T09614",
    FILTER: "m600",
    EGAIN: gain,
    SATURATE: 60000,
    ZP_AUTO: 25 + 2.5 * Math.log10(how.scale),
  });
  setWcs(header, how.wcs);
  return { width: size, height: size, data, header };
}
