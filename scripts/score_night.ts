/**
 * Compares what was found in a simulated night with what was put into it.
 *
 *   score_night.ts MANIFEST FOLDER       FOLDER as gppy simulate made it
 *
 * @module
 */

import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { print } from "../cli/terminal.ts";
import { readAsciiHead } from "../sky/catalogue.ts";
import { crossMatch } from "../sky/match.ts";
import { median } from "../sky/stats.ts";
import type { Manifest, Product } from "../stages/manifest.ts";
import { readManifest } from "../stages/manifest_file.ts";

/** How far a candidate may be from the truth, arcsec. */
export const MATCH_RADIUS_ARCSEC = 1.5;

/** The signal to noise from which on a transient is expected to be found. */
export const EXPECTED_SNR = 10;

/** The score of one stack. */
export interface StackScore {
  readonly id: string;
  readonly filter: string;
  /** Injected with S/N of at least {@linkcode EXPECTED_SNR}, and how many of them were found. */
  readonly expected: number;
  readonly found: number;
  /** Injected at all, and how many of them were found. */
  readonly injected: number;
  readonly foundOfAll: number;
  /** Faded in the scene, and how many of them were found as such. */
  readonly faded: number;
  readonly foundFaded: number;
  /** Transients where nothing appeared or faded. */
  readonly falseOnes: number;
  /** Ids of those expected and not found. */
  readonly missed: readonly string[];
  /** Median distance from the truth, arcsec; NaN if nothing was found. */
  readonly offsetArcsec: number;
}

type Row = Readonly<Record<string, string>>;

/**
 * Scores every stack of a night that was searched for transients.
 *
 * @param manifest The night's last manifest.
 * @param folder Where `gppy simulate` wrote the truth.
 * @returns One score a stack.
 */
export async function scoreNight(manifest: Manifest, folder: string): Promise<StackScore[]> {
  const text = await Deno.readTextFile(join(folder, "transients.csv"));
  const truth = parse(text, { columns: true }) as Row[];
  const scores: StackScore[] = [];
  for (const catalogue of manifest.products.filter((product) => product.kind === "transients")) {
    const stack = manifest.products.find((product) => product.id === catalogue.of);
    if (stack) scores.push(await scoreStack(stack, catalogue, truth));
  }
  return scores;
}

async function scoreStack(
  stack: Product,
  catalogue: Product,
  truth: readonly Row[],
): Promise<StackScore> {
  const filter = stack.filter ?? "";
  const table = await readAsciiHead(catalogue.path);
  const column = (name: string) => Array.from(table.column(name), Number);
  const passed = column("TRANSIENT").map((flag) => flag === 1);
  const signs = column("SIGN");
  const placesWith = (sign: number) => {
    const keep = (name: string) => column(name).filter((_, i) => passed[i] && signs[i] === sign);
    return { raDeg: keep("ALPHA_J2000"), decDeg: keep("DELTA_J2000") };
  };
  const [brighter, fainter] = [placesWith(1), placesWith(-1)];
  const ofField = truth.filter((row) => row.object === stack.object);
  const injected = ofField.filter((row) => row.kind === "new");
  const faded = ofField.filter((row) => row.kind === "fading");
  const matches = crossMatch(placesOf(injected), brighter, MATCH_RADIUS_ARCSEC);
  const fadedMatches = crossMatch(placesOf(faded), fainter, MATCH_RADIUS_ARCSEC);
  const matched = new Set(matches.map((match) => match.i));
  const expected = injected.map((_, index) => index)
    .filter((index) => Number(injected[index]?.[`snr_${filter}`]) >= EXPECTED_SNR);
  return {
    id: stack.id,
    filter,
    expected: expected.length,
    found: expected.filter((index) => matched.has(index)).length,
    injected: injected.length,
    foundOfAll: matched.size,
    faded: faded.length,
    foundFaded: fadedMatches.length,
    falseOnes: brighter.raDeg.length - matches.length + fainter.raDeg.length - fadedMatches.length,
    missed: expected.filter((index) => !matched.has(index)).map((i) => injected[i]?.id ?? ""),
    offsetArcsec: median(matches.map((match) => match.distanceArcsec)),
  };
}

function placesOf(rows: readonly Row[]): { raDeg: number[]; decDeg: number[] } {
  return { raDeg: rows.map((row) => Number(row.ra)), decDeg: rows.map((row) => Number(row.dec)) };
}

function describe(score: StackScore): string {
  const missed = score.missed.length === 0 ? "" : ` (missed ${score.missed.join(", ")})`;
  return [
    `${score.filter}: ${score.found} of ${score.expected} transients with S/N ≥ ${EXPECTED_SNR}${missed}, ` +
    `${score.foundOfAll} of all ${score.injected}; ${score.foundFaded} of ${score.faded} that faded; ${score.falseOnes} false;`,
    `median offset ${score.offsetArcsec.toFixed(3)}″  (${score.id})`,
  ].join(" ");
}

function describeProducts(manifest: Manifest): string[] {
  const pictures = manifest.products.filter((product) =>
    product.kind === "picture" || (product.kind === "stamp" && product.path.endsWith(".png"))
  );
  const folders = (products: readonly Product[]) =>
    [...new Set(products.map((product) => join(product.path, "..")))].sort();
  const curated = manifest.products.filter((product) => product.stage === "curate");
  return [
    "Products:",
    ...folders(curated.length > 0 ? curated : manifest.products).map((path) => `  ${path}`),
    `Pictures (${pictures.length}):`,
    ...folders(pictures).map((path) => `  ${path}`),
  ];
}

if (import.meta.main) {
  const [path = "", folder = ""] = Deno.args;
  const manifest = await readManifest(path);
  const scores = await scoreNight(manifest, folder);
  const times = manifest.stages.map(({ name, elapsedS }) => `${name} ${elapsedS.toFixed(1)} s`);
  const [expected, found] = [sum(scores, "expected"), sum(scores, "found")];
  print([
    ...scores.map(describe),
    `Recovered ${found} of ${expected} transients with S/N ≥ ${EXPECTED_SNR}, ` +
    `${sum(scores, "falseOnes")} false ones.`,
    ...describeProducts(manifest),
    `Times: ${times.join(", ")}`,
  ].join("\n"));
  if (expected === 0 || found < 0.9 * expected) Deno.exit(1);
}

function sum(scores: readonly StackScore[], key: "expected" | "found" | "falseOnes"): number {
  return scores.reduce((total, score) => total + score[key], 0);
}
