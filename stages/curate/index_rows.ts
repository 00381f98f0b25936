/**
 * From products of a manifest to rows of the index.
 *
 * @module
 */

import { relative } from "node:path";
import { readHeader } from "../../fits/file.ts";
import type { FitsHeader } from "../../fits/header.ts";
import { separationDeg } from "../../sky/angle.ts";
import { type Wcs, wcsFromHeader } from "../../sky/wcs.ts";
import type { Manifest, Product, ProductKind } from "../manifest.ts";
import { type IndexRow, type IndexValue, mediaType, passBandM } from "./obscore.ts";

/** What a row says besides its product. */
export interface IndexFrame {
  /** The processed tree; paths in the index start there. */
  readonly tree: string;
  readonly night: Manifest["night"];
  /** The manifest that will hold the products. */
  readonly manifestPath: string;
  /** Every product of the night, curated ones included, by id. */
  readonly byId: ReadonlyMap<string, Product>;
  /** When the rows are written. */
  readonly now: Date;
}

/** Kinds of products that are images of the sky: each has a row of its own and a header to keep. */
export const IMAGES: readonly ProductKind[] = [
  ...["frame", "stack", "difference", "decorrelated", "score"] as const,
];

/**
 * The rows of curated products.
 *
 * @param products Products in the tree.
 * @param frame The night and its products.
 * @returns One row a product, in order.
 * @throws {DataError} If an image cannot be read.
 */
export async function indexRows(
  products: readonly Product[],
  frame: IndexFrame,
): Promise<IndexRow[]> {
  const skies = new Map<string, SkyColumns>();
  const rows: IndexRow[] = [];
  for (const product of products) {
    const image = imageOf(product, frame.byId);
    let sky = image && skies.get(image.id);
    if (image !== undefined && sky === undefined) {
      sky = skyColumns(await readHeader(image.path));
      skies.set(image.id, sky);
    }
    rows.push(rowOf(product, image, sky ?? NO_SKY, frame));
  }
  return rows;
}

/** The image that a product is or belongs to. */
function imageOf(product: Product, byId: ReadonlyMap<string, Product>): Product | undefined {
  const seen = new Set<string>();
  for (let next: Product | undefined = product; next !== undefined && !seen.has(next.id);) {
    if (IMAGES.includes(next.kind)) return next;
    seen.add(next.id);
    next = next.of === undefined ? undefined : byId.get(next.of);
  }
  return undefined;
}

type SkyColumns = Pick<
  IndexRow,
  | "s_ra"
  | "s_dec"
  | "s_fov"
  | "s_region"
  | "s_xel1"
  | "s_xel2"
  | "facility_name"
  | "instrument_name"
>;

const NO_SKY: SkyColumns = {
  s_ra: null,
  s_dec: null,
  s_fov: null,
  s_region: null,
  s_xel1: null,
  s_xel2: null,
  facility_name: null,
  instrument_name: null,
};

function skyColumns(header: FitsHeader): SkyColumns {
  const [width, height] = [header.number("NAXIS1") ?? 0, header.number("NAXIS2") ?? 0];
  const names = {
    s_xel1: width,
    s_xel2: height,
    facility_name: header.text("TELESCOP")?.trim() || null,
    instrument_name: header.text("INSTRUME")?.trim() || null,
  };
  const wcs = wcsFromHeader(header);
  return wcs === undefined
    ? { ...NO_SKY, ...names }
    : { ...names, ...footprint(wcs, width, height) };
}

function footprint(
  wcs: Wcs,
  width: number,
  height: number,
): Pick<IndexRow, "s_ra" | "s_dec" | "s_fov" | "s_region"> {
  const [raDeg, decDeg] = wcs.pixelToSky((width - 1) / 2, (height - 1) / 2);
  // The outer corners of the corner pixels.
  const edges = [[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [
    -0.5,
    height - 0.5,
  ]] as const;
  const corners = edges.map(([x, y]) => wcs.pixelToSky(x, y));
  const centre = { raDeg, decDeg };
  const radius = Math.max(
    ...corners.map(([ra, dec]) => separationDeg(centre, { raDeg: ra, decDeg: dec })),
  );
  if (![raDeg, decDeg, radius, ...corners.flat()].every(Number.isFinite)) {
    return { s_ra: null, s_dec: null, s_fov: null, s_region: null };
  }
  const polygon = corners.flat().map((deg) => deg.toFixed(6)).join(" ");
  return {
    s_ra: round(raDeg, 7),
    s_dec: round(decDeg, 7),
    s_fov: round(2 * radius, 6),
    s_region: `POLYGON ICRS ${polygon}`,
  };
}

function rowOf(
  product: Product,
  image: Product | undefined,
  sky: SkyColumns,
  { tree, night, manifestPath, byId, now }: IndexFrame,
): IndexRow {
  const known = { ...image?.measured, ...product.measured };
  const measured = (key: string) => {
    const value = known[key];
    return typeof value === "number" && Number.isFinite(value) ? value : null;
  };
  const unit = product.unit ?? image?.unit ?? night.unit;
  const filter = product.filter ?? image?.filter;
  const band = filter === undefined ? undefined : passBandM(filter);
  const [first, last] = timesOf(image ?? product, byId);
  const version = product["version"];
  const madeBy = product["madeBy"];
  return {
    ...sky,
    obs_id: image?.id ?? product.of ?? product.id,
    product_id: product.id,
    kind: product.kind,
    version: typeof version === "number" ? version : 1,
    dataproduct_type: typeOf(product),
    calib_level: levelOf(product, image),
    obs_collection: `${night.unit} ${night.date}`,
    target_name: product.object ?? image?.object ?? null,
    s_resolution: measured("seeingArcsec"),
    t_min: first,
    t_max: last,
    t_exptime: product.exposureS ?? image?.exposureS ?? null,
    em_min: band?.[0] ?? null,
    em_max: band?.[1] ?? null,
    em_filter: filter ?? null,
    facility_name: sky.facility_name ?? unit,
    instrument_name: sky.instrument_name ?? unit,
    access_url: relative(tree, product.path),
    access_format: mediaType(product.path),
    access_estsize: Math.ceil(product.bytes / 1000),
    bytes: product.bytes,
    sha256: product.sha256,
    unit,
    night: night.date,
    made_by: typeof madeBy === "string" ? madeBy : product.stage,
    frames: framesIn(image, byId),
    seeing: measured("seeingArcsec"),
    ellipticity: measured("ellipticity"),
    depth: measured("depth5"),
    zero_point: measured("zeroPoint"),
    zero_point_error: measured("zeroPointError"),
    zero_point_stars: measured("zeroPointStars"),
    astrom_rms: measured("astromRmsArcsec"),
    sky: measured("skyAdu"),
    sky_sigma: measured("skySigmaAdu"),
    gates: worstGate(image ?? product),
    manifest: manifestPath,
    indexed: now.toISOString(),
  };
}

function typeOf({ kind, path }: Product): IndexValue {
  if (kind === "catalogue" || kind === "transients" || kind === "table") return "measurements";
  return mediaType(path) === "image/fits" ? "image" : null;
}

function levelOf({ kind }: Product, image: Product | undefined): IndexValue {
  const isImage = IMAGES.includes(kind) || ["mask", "weight", "header"].includes(kind);
  if (!isImage) return 4;
  return image === undefined || image.kind === "frame" ? 2 : 3;
}

/** The frames behind an image: itself, or those of what it was made from. */
function framesOf(image: Product, byId: ReadonlyMap<string, Product>): Product[] {
  const seen = new Set<string>();
  const frames: Product[] = [];
  const open = [image];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next.id)) continue;
    seen.add(next.id);
    if (next.kind === "frame") frames.push(next);
    else open.push(...next.from.flatMap((id) => byId.get(id) ?? []).filter(isImage));
  }
  return frames;
}

function isImage({ kind }: Product): boolean {
  return IMAGES.includes(kind);
}

function framesIn(image: Product | undefined, byId: ReadonlyMap<string, Product>): IndexValue {
  if (image === undefined) return null;
  return framesOf(image, byId).length || null;
}

function timesOf(
  product: Product,
  byId: ReadonlyMap<string, Product>,
): readonly [IndexValue, IndexValue] {
  const frames = framesOf(product, byId).filter(({ mjd }) => mjd !== undefined);
  const parts = frames.length > 0 ? frames : product.mjd === undefined ? [] : [product];
  if (parts.length === 0) return [null, null];
  const ends = parts.map(({ mjd = 0, exposureS = 0 }) => mjd + exposureS / 86400);
  return [round(Math.min(...parts.map(({ mjd = 0 }) => mjd)), 8), round(Math.max(...ends), 8)];
}

function worstGate({ gates }: Product): IndexValue {
  if (gates.length === 0) return null;
  const order = ["fail", "degraded", "pass"] as const;
  return order.find((verdict) => gates.some((gate) => gate.verdict === verdict)) ?? null;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
