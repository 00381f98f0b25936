/**
 * What a search writes.
 *
 * @module
 */

import { join } from "node:path";
import type { NewProduct, StageContext } from "../stage.ts";
import { isTransient } from "./flags.ts";
import { writeOverview } from "./overview.ts";
import type { SearchResult } from "./search_image.ts";
import { belongings, type StampOptions, writeStamps } from "./stamps.ts";
import { writeFlagSummary, writeTransientCatalogue, writeTransientRegions } from "./tables.ts";

/** What is written besides the tables. */
export type OutputOptions = StampOptions;

/**
 * Writes catalogue, regions, summary, overview and stamps of a search.
 *
 * @param result The search.
 * @param options Stamps.
 * @param context The stage's context.
 * @returns The products.
 */
export async function saveSearch(
  result: SearchResult,
  options: OutputOptions,
  context: StageContext,
): Promise<NewProduct[]> {
  const { inputs } = result;
  const at = (ending: string): string => join(context.folder, `${inputs.name}.${ending}`);
  await writeTransientCatalogue(at("transient.cat"), result);
  await writeTransientRegions(at("transient.reg"), result);
  await writeFlagSummary(at("flags.csv"), result);
  await writeOverview(at("transient.png"), result, inputs.difference.id);
  const stamps = await writeStamps(context.folder, result, options);
  const common = { ...belongings(inputs), from: [inputs.difference.id] };
  const named = (ending: string): { id: string; path: string } => ({
    id: `${inputs.name}.${ending}`,
    path: at(ending),
  });
  const measured = {
    candidates: result.candidates.length,
    transients: result.flags.filter(isTransient).length,
    differenceSigmaAdu: result.noise.skySigmaAdu,
    suspect: result.suspicion.reason ?? null,
  };
  const gates = [...result.suspicion.gates];
  return [
    { ...common, ...named("transient.cat"), kind: "transients", measured, gates },
    { ...common, ...named("transient.reg"), kind: "regions" },
    { ...common, ...named("flags.csv"), kind: "table", role: "flags" },
    { ...common, ...named("transient.png"), kind: "picture", role: "overview" },
    ...stamps,
  ];
}
