/**
 * Writes a frame with its solution.
 *
 * @module
 */

import { join } from "node:path";
import { runMissfits } from "../../external/missfits.ts";
import type { FitsHeader } from "../../fits/header.ts";
import { updateHeader } from "../../fits/update_header.ts";
import { clearWcs } from "../../sky/wcs.ts";
import { VERSION } from "../../config/version.ts";
import type { NewProduct, StageContext } from "../stage.ts";
import { headCards, headText, mergeHead } from "./head_text.ts";
import type { SolvedFrame } from "./solve.ts";

/** What merges a solution into an image. */
export type MergeEngine = "missfits" | "native";

/** What writing needs. */
export interface WriteSetup {
  /** What merges the solution into the image. */
  readonly engine: MergeEngine;
  /** Site, programs and output folder of the stage. */
  readonly context: Pick<StageContext, "site" | "tools" | "folder">;
  /** Time limit of the program, in seconds. */
  readonly timeoutS: number;
}

/**
 * Writes a copy of a frame with SCAMP's solution in its header.
 *
 * @param solved The frame and its solution.
 * @param setup The engine, programs and folder.
 * @returns The product that takes the place of the frame.
 */
export async function writeSolved(solved: SolvedFrame, setup: WriteSetup): Promise<NewProduct> {
  const { product } = solved.frame;
  const { folder, site, tools } = setup.context;
  const target = join(folder, `${product.id}.fits`);
  const head = headCards(solved.solution.head);
  if (setup.engine === "native") {
    await updateHeader(product.path, target, (header) => {
      mergeHead(header, head);
      describe(header, solved, "gppy");
    });
  } else {
    const merged = join(folder, `.${product.id}.merged.fits.part`);
    const task = { image: product.path, head: headText(head), output: merged };
    const config = site.file("7dt.missfits");
    try {
      await runMissfits(tools, { ...task, config, timeoutS: setup.timeoutS });
      await updateHeader(merged, target, (header) => {
        dropStale(header, head);
        describe(header, solved, "MissFITS");
      });
    } finally {
      await Deno.remove(merged).catch(() => {});
    }
  }
  const { bytes: _bytes, sha256: _sha256, stage: _stage, ...kept } = product;
  return {
    ...kept,
    path: target,
    measured: { ...product.measured, ...solved.measures },
    gates: [...product.gates, ...solved.gates],
  };
}

/** Removes cards of an older WCS that the solution does not replace. */
function dropStale(header: FitsHeader, head: FitsHeader): void {
  const without = header.clone();
  clearWcs(without);
  for (const { keyword } of [...header.cards]) {
    if (!without.has(keyword) && !head.has(keyword)) header.delete(keyword);
  }
}

function describe(header: FitsHeader, solved: SolvedFrame, merger: string): void {
  const { frame, measures, reference, solution } = solved;
  completeCards(header, solved);
  header.set("ASTRRMS", round(measures.astromRmsArcsec), "[arcsec] rms to the reference");
  header.set("ASTRNUM", measures.astromMatched, "reference stars matched");
  header.set("ASTRCONT", round(measures.astromContrast), "contrast of the pattern match");
  header.set("ASTRREF", reference.name, "astrometric reference");
  header.addHistory(
    `gppy ${VERSION} astrom: SCAMP from a first WCS by ${frame.first.source}, rms ` +
      `${solution.rmsArcsec.map((rms) => rms.toFixed(3)).join(" ")} arcsec, ` +
      `${measures.astromMatched} stars of ${reference.name}, merged by ${merger}`,
  );
}

/** Adds what later stages and programs ask for, where a camera's own header lacks it. */
function completeCards(header: FitsHeader, { frame: { product } }: SolvedFrame): void {
  const { dateObs, filter, gain, mjd } = product;
  if (mjd !== undefined && header.number("MJD-OBS") === undefined) {
    header.set("MJD-OBS", mjd, "[d] start of the exposure, UTC");
  }
  if (gain !== undefined && header.number("EGAIN") === undefined) {
    header.set("EGAIN", gain, "[e/ADU] gain");
  }
  if (filter !== undefined && !header.has("FILTER")) header.set("FILTER", filter, "filter");
  const written = header.text("DATE-OBS")?.trim() ?? "";
  if (dateObs !== undefined && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d*)?$/.test(written)) {
    header.set("DATE-OBS", dateObs, "start of the exposure, UTC");
    if (written !== "") header.addHistory(`gppy ${VERSION} astrom: DATE-OBS was '${written}'`);
  }
}

function round(value: number): number {
  return Number(value.toPrecision(6));
}
