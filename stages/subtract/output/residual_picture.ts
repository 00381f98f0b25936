/**
 * A map of what is left in a difference.
 *
 * @module
 */

import type { Compute } from "../../../gpu/compute.ts";
import { type Stamp, stampsPng } from "../../../sky/stamps.ts";
import type { BlockResiduals } from "./residuals.ts";

/** Side of a map on the page, px. */
const PANEL_PX = 480;

/**
 * Draws the mean of the difference and its spread over squares of the field, as
 * they lie on it: flat grey with even grain where the difference is noise alone.
 *
 * @param compute Where the file is packed.
 * @param blocks Squares of bare sky.
 * @param title Above all.
 * @param subtitle Below the title.
 * @returns PNG file.
 */
export function residualMapPng(
  compute: Compute,
  blocks: BlockResiduals,
  title: string,
  subtitle: string,
): Promise<Uint8Array> {
  const side = `${blocks.blockPx}-px squares`;
  const stamps: Stamp[] = [
    {
      title: "Mean of the difference",
      ...square(blocks, blocks.mean),
      ...{ lo: -5, hi: 5, unit: "standard errors", note: `${side} of sky` },
    },
    {
      title: "Spread of difference over noise",
      ...square(blocks, blocks.spread),
      ...{ lo: 0.8, hi: 1.2, unit: "", note: `${side} of sky` },
    },
  ];
  return stampsPng(stamps, { title, subtitle, marker: false, panelPx: PANEL_PX, compute });
}

/** The map in the corner of a square. */
function square({ columns, rows }: BlockResiduals, values: Float32Array) {
  const size = Math.max(columns, rows);
  const data = new Float32Array(size * size).fill(NaN);
  for (let row = 0; row < rows; row++) {
    data.set(values.subarray(row * columns, (row + 1) * columns), row * size);
  }
  return { data, size };
}
