/**
 * What photometry writes: the catalogue, the image with new cards, the picture.
 *
 * @module
 */

import { basename, join } from "node:path";
import { updateHeader } from "../../fits/image.ts";
import { type AsciiColumn, writeAsciiTable } from "../../sky/catalogue.ts";
import type { Gate } from "../manifest.ts";
import type { NewProduct, StageContext } from "../stage.ts";
import { zeroPointStars } from "./calibrate.ts";
import { setPhotometryCards } from "./cards.ts";
import { catalogueColumns } from "./catalogue_columns.ts";
import type { ImagePhotometry } from "./measure_image.ts";
import { writeZeroPointPicture } from "./zero_point_picture.ts";

/**
 * Writes the catalogue, the image and, where there is a zero point, its picture.
 *
 * @param measured What was measured.
 * @param gates The judgement, to go into the manifest.
 * @param options Limits that the picture shows.
 * @param context The stage's context.
 * @returns The products.
 */
export async function savePhotometry(
  measured: ImagePhotometry,
  gates: readonly Gate[],
  options: { readonly maxMagError: number; readonly refMagMin: number; readonly refMagMax: number },
  context: StageContext,
): Promise<NewProduct[]> {
  const { image } = measured;
  const catalogue = join(context.folder, `${image.id}.phot.cat`);
  const columns: AsciiColumn[] = catalogueColumns(measured);
  await writeAsciiTable(catalogue, columns);
  const path = join(context.folder, `${image.id}.fits`);
  const reference = measured.reference === null ? null : basename(measured.reference);
  await updateHeader(
    image.path,
    path,
    (header) => setPhotometryCards(header, { ...measured, reference }),
  );
  const products: NewProduct[] = [
    {
      ...image,
      path,
      measured: measuredQuantities(measured),
      gates: [...image.gates, ...gates],
    },
    companion(measured, `${image.id}.phot.cat`, "catalogue", catalogue),
  ];
  const picture = join(context.folder, `${image.id}.zp.png`);
  const drawn = await drawPicture(measured, picture, options);
  return drawn
    ? [...products, companion(measured, `${image.id}.zp`, "picture", picture)]
    : products;
}

/** The quantities for the manifest; numbers that are not known are null. */
function measuredQuantities(
  measured: ImagePhotometry,
): Record<string, number | string | boolean | null> {
  const auto = measured.calibration[0];
  return {
    ...measured.image.measured,
    seeingArcsec: measured.seeing.fwhmPx * measured.pixelScaleArcsec,
    peeingPx: measured.seeing.fwhmPx,
    ellipticity: measured.seeing.ellipticity,
    elongation: measured.seeing.elongation,
    skyAdu: measured.noise.skyAdu,
    skySigmaAdu: measured.noise.skySigmaAdu,
    zeroPoint: auto?.zeroPoint?.mag ?? null,
    zeroPointError: auto?.zeroPoint?.errorMag ?? null,
    zeroPointScatter: auto?.zeroPoint?.scatterMag ?? null,
    zeroPointStars: auto?.zeroPoint?.stars ?? 0,
    depth3: auto?.depth3Mag ?? null,
    depth5: auto?.depth5Mag ?? null,
    sources: measured.table.rows,
  };
}

async function drawPicture(
  measured: ImagePhotometry,
  path: string,
  options: { readonly maxMagError: number; readonly refMagMin: number; readonly refMagMax: number },
): Promise<boolean> {
  const zeroPoint = measured.calibration[0]?.zeroPoint;
  const fluxes = measured.fluxes[0];
  if (!zeroPoint || !fluxes || measured.matches === undefined) return false;
  await writeZeroPointPicture(path, {
    title: `${measured.image.id}  ${measured.image.filter ?? ""}`.trim(),
    zeroPoint,
    stars: zeroPointStars(fluxes, measured.matches, options.maxMagError),
    magRange: [options.refMagMin, options.refMagMax],
  });
  return true;
}

function companion(
  { image }: ImagePhotometry,
  id: string,
  kind: "catalogue" | "picture",
  path: string,
): NewProduct {
  return {
    ...{ id, kind, path, of: image.id, from: [image.id] },
    ...(image.unit === undefined ? {} : { unit: image.unit }),
    ...(image.object === undefined ? {} : { object: image.object }),
    ...(image.filter === undefined ? {} : { filter: image.filter }),
    ...(image.dateObs === undefined ? {} : { dateObs: image.dateObs }),
    ...(image.mjd === undefined ? {} : { mjd: image.mjd }),
    ...(image.exposureS === undefined ? {} : { exposureS: image.exposureS }),
  };
}
