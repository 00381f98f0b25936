/**
 * A frame on its way to a solution: what is known of it, its first WCS, its sources.
 *
 * @module
 */

import { join } from "node:path";
import { DataError } from "../../config/errors.ts";
import type { Site } from "../../config/site.ts";
import { runSextractor } from "../../external/sextractor.ts";
import { runSolveField } from "../../external/solve_field.ts";
import { readHeader } from "../../fits/file.ts";
import type { FitsHeader } from "../../fits/header.ts";
import { readLdac } from "../../fits/ldac.ts";
import { updateHeader } from "../../fits/update_header.ts";
import { readFrameInfo } from "../../sky/frame_info.ts";
import { clearWcs, setWcs, wcsFromHeader } from "../../sky/wcs.ts";
import type { Product } from "../manifest.ts";
import type { StageContext } from "../stage.ts";
import { type FirstWcs, firstWcs, type FrameGeometry } from "./first_wcs.ts";
import type { AstromParams } from "./params.ts";

/** What the preparation of frames needs. */
export interface PrepareSetup {
  /** Parameters of the stage. */
  readonly params: AstromParams;
  /** Site, programs and signal of the stage. */
  readonly context: Pick<StageContext, "site" | "tools" | "signal">;
  /** Folder for catalogues, which exists. */
  readonly scratch: string;
}

/** A frame with its first WCS and its sources. */
export interface PreparedFrame {
  /** The frame as it came in. */
  readonly product: Product;
  /** Where pattern matching starts from. */
  readonly first: FirstWcs;
  /** LDAC catalogue whose header holds the first WCS. */
  readonly catalogue: string;
  /** Sources in it. */
  readonly sources: number;
}

const SCALE_CARDS = ["PIXSCALE", "SECPIX", "IM_SCALE", "SCALE"] as const;
const ARCSEC_PER_RADIAN = 206264.806;
const BLIND_RADIUS_DEG = 5;

/**
 * Gives a frame its first WCS and finds its sources.
 *
 * @param product The frame.
 * @param setup Parameters, programs and folder.
 * @returns The frame, ready for SCAMP.
 * @throws {DataError} If nobody says where it points, or at what scale.
 */
export async function prepareFrame(
  product: Product,
  setup: PrepareSetup,
): Promise<PreparedFrame> {
  const { params } = setup;
  const header = await readHeader(product.path);
  const geometry = geometryOf(product, header, setup);
  if (params.solveField === "always") return await prepareBlind(product, setup);
  const first = firstWcs(header, geometry, params.initialWcs);
  if (first !== undefined) return await prepareWith(product, first, setup);
  const canSolve = params.solveField === "auto" && await setup.context.tools.has("solve-field");
  if (canSolve) return await prepareBlind(product, setup);
  throw new DataError(
    `Cannot place "${product.path}" on the sky: no WCS, no RA and DEC cards, no "${
      product.object ?? "OBJECT"
    }" in alltarget.dat, and solve-field is not in use`,
    { details: { file: product.path, card: "RA" } },
  );
}

/**
 * Prepares a frame without trust in its pointing: solve-field finds it.
 *
 * @param product The frame.
 * @param setup Parameters, programs and folder.
 * @returns The frame, ready for SCAMP.
 * @throws {DataError} If solve-field finds no solution.
 */
export async function prepareBlind(
  product: Product,
  setup: PrepareSetup,
): Promise<PreparedFrame> {
  const geometry = geometryOf(product, await readHeader(product.path), setup);
  const catalogue = await extract(product, product.path, setup);
  const { x, y } = await brightestFirst(catalogue);
  const task = {
    x,
    y,
    width: geometry.width,
    height: geometry.height,
    scaleArcsec: geometry.scaleArcsec,
    beside: catalogue,
  };
  const centre = geometry.target ?? geometry.pointing;
  const near = centre && { raDeg: centre[0], decDeg: centre[1], radiusDeg: BLIND_RADIUS_DEG };
  const { tools } = setup.context;
  const solved = (near && await runSolveField(tools, { ...task, near })) ??
    await runSolveField(tools, task);
  const wcs = solved && wcsFromHeader(solved);
  if (wcs === undefined) {
    throw new DataError(
      `Cannot place "${product.path}" on the sky: solve-field found no solution with ` +
        `${x.length} stars`,
      { details: { file: product.path, stars: x.length } },
    );
  }
  return await prepareWith(product, { wcs, source: "solve-field" }, setup);
}

async function prepareWith(
  product: Product,
  first: FirstWcs,
  setup: PrepareSetup,
): Promise<PreparedFrame> {
  let image = product.path;
  if (first.source !== "header") {
    image = join(setup.scratch, `${product.id}.first.fits`);
    await updateHeader(product.path, image, (header) => {
      clearWcs(header);
      setWcs(header, first.wcs);
    });
  }
  try {
    const catalogue = await extract(product, image, setup);
    const { objects } = await readLdac(catalogue);
    if (objects.rows === 0) {
      throw new DataError(`Cannot solve the astrometry of "${product.path}": no source in it`, {
        details: { file: product.path, sources: 0 },
      });
    }
    return { product, first, catalogue, sources: objects.rows };
  } finally {
    if (image !== product.path) await Deno.remove(image);
  }
}

/**
 * Finds the sources of a frame. Without a detection filter, so that hot pixels and
 * cosmic rays, which a filter would widen, do not reach the least area of a source.
 */
async function extract(product: Product, image: string, setup: PrepareSetup): Promise<string> {
  const { context: { site, tools }, params, scratch } = setup;
  const catalogue = join(scratch, `${product.id}.ldac`);
  const unit = unitOf(product, site);
  await runSextractor(tools, {
    image,
    catalogue,
    format: "FITS_LDAC",
    config: site.file("7dt.sex"),
    params: site.file("astrom.param"),
    settings: {
      DETECT_THRESH: params.detectSigma,
      ANALYSIS_THRESH: params.detectSigma,
      ...(unit === undefined ? {} : { SATUR_LEVEL: unit.saturationAdu }),
      ...(product.gain === undefined ? {} : { GAIN: product.gain }),
    },
    timeoutS: params.toolTimeoutS,
  });
  return catalogue;
}

async function brightestFirst(catalogue: string): Promise<{ x: number[]; y: number[] }> {
  const { objects } = await readLdac(catalogue);
  const flux = Array.from(objects.column("FLUX_AUTO"), Number);
  const order = flux.map((_, i) => i).sort((a, b) => flux[b]! - flux[a]!);
  const pick = (name: string) => {
    const column = objects.column(name);
    return order.map((i) => Number(column[i]));
  };
  return { x: pick("XWIN_IMAGE"), y: pick("YWIN_IMAGE") };
}

function unitOf(product: Product, site: Site) {
  return product.unit === undefined ? undefined : site.units.get(product.unit);
}

function geometryOf(product: Product, header: FitsHeader, setup: PrepareSetup): FrameGeometry {
  const { params, context: { site } } = setup;
  const unit = unitOf(product, site);
  const info = readFrameInfo(header, site.headerRules, {
    path: product.path,
    ...(product.unit === undefined ? {} : { unit: product.unit }),
  });
  const binning = Number.parseInt(info.binning) || 1;
  const scale = params.pixelScaleArcsec ?? unit?.pixelScaleArcsec;
  const scaleArcsec = scale === undefined ? headerScale(header) : scale * binning;
  if (scaleArcsec === undefined) {
    throw new DataError(
      `Cannot place "${product.path}" on the sky: unknown pixel scale, for there is no unit ` +
        `"${product.unit ?? info.unit}" in obs.dat and --pixel-scale-arcsec is not given`,
      { details: { file: product.path, unit: product.unit ?? info.unit } },
    );
  }
  const target = product.object === undefined ? undefined : site.target(product.object);
  const { raDeg, decDeg } = info;
  const parity = params.parity === null ? unit?.parity : params.parity === "sky" ? 1 : -1;
  return {
    width: info.width,
    height: info.height,
    scaleArcsec,
    rotationDeg: params.rotationDeg ?? unit?.rotationDeg ?? 0,
    parity: parity ?? 1,
    pointing: raDeg === undefined || decDeg === undefined ? undefined : [raDeg, decDeg],
    target: target && [target.raDeg, target.decDeg],
  };
}

/** Scale of this very frame by what its header says, arcsec a pixel. */
function headerScale(header: FitsHeader): number | undefined {
  const wcs = wcsFromHeader(header);
  if (wcs !== undefined) return wcs.pixelScaleArcsec;
  for (const card of SCALE_CARDS) {
    const scale = header.number(card);
    if (scale !== undefined && scale > 0) return scale;
  }
  const [pixelUm, focalMm] = [header.number("XPIXSZ") ?? 0, header.number("FOCALLEN") ?? 0];
  return pixelUm > 0 && focalMm > 0 ? pixelUm / 1000 / focalMm * ARCSEC_PER_RADIAN : undefined;
}
