/** A crowded field of the Galactic bulge with a microlensing event, from flat-fielded frames. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { readHeader } from "../fits/file.ts";
import { type AsciiTable, readAsciiHead } from "../sky/catalogue.ts";
import { separationDeg } from "../sky/angle.ts";
import { median } from "../sky/stats.ts";
import { wcsFromHeader } from "../sky/wcs.ts";
import type { Manifest, Product } from "../stages/manifest.ts";
import { checkFits, imagesOf, type NightFolder, only, testNight } from "./_real_night.ts";
import { DATA } from "./run_program.ts";

const DATASET = "saao-kb13475";
const SCALE_ARCSEC = 0.31;
/** Where the event is in frame 0102; (0, 0) is the centre of the first pixel. */
const EVENT_PX = [270.9, 219.8] as const;
/** Zero points are relative to this. */
const ZERO_POINT = 25;

testNight(
  "A microlensing event is found in each block of its night, and fades",
  DATASET,
  async (night, t) => {
    const images = join(DATA, DATASET, "Images");
    const astrom = ["astrom", images, "--unit", "SAAO", "--reference-frame", "AKB13475I0102"];
    const limits = ["--distort-degree", "1", "--position-error-arcmin", "2"];
    const solved = await night.manifest("astrom.json", [...astrom, ...limits], 0);
    await t.step("all 48 frames of 14 nights are placed", () => checkAstrometry(solved));

    const frames = new Map(imagesOf(solved, "frame").map((frame) => [frame.id.slice(-4), frame]));
    await writeCatalogue(frames.get("0102")!, night);
    const later = [...frames.values()].filter(({ dateObs }) => dateObs! > "2013-08-04T12");
    const reference = await makeReference(later, night);
    await t.step("the reference is made of the sharp frames of later nights", () => {
      assert.equal(later.length, 11);
      const chosen = reference.map((id) => id.slice(-4)).sort();
      assert.deepEqual(chosen, ["0169", "0170", "0173", "0177", "0180"]);
    });
    const science = [...frames.values()].filter(({ dateObs }) => dateObs!.startsWith("2013-08-03"));
    assert.equal(science.length, 15);
    const manifest = await night.manifest("night.json", [
      ...["run", "SAAO", ...science.map(({ path }) => path)],
      ...["--from", "phot", "--to", "detect", "--work", join(night.folder, "science")],
      ...["--set", "phot.maxMagError=0.2"],
    ], 10);

    await t.step("the trailed frame 0092 is left behind with its reason", () => {
      const left = only(manifest.left);
      assert.equal(left.id, "AKB13475I0092");
      assert.match(left.message, /ellipticity 0\.\d+, needed < 0\.3/);
    });
    await t.step("every difference is as quiet as its noise says", () => {
      const made = manifest.products.filter(({ kind }) => kind === "difference");
      assert.equal(made.length, 10);
      for (const { id, measured } of made) {
        // tails of stars cover the sky of 0098
        const most = id.includes("_184819_") ? 0.2 : 0.06;
        assert.ok(Math.abs(Number(measured.pullSigma) - 1) < most, `${id}: ${measured.pullSigma}`);
        assert.ok(Number(measured.powerLeft) < 0.1, `${id}: ${measured.powerLeft}`);
      }
    });
    const event = await followEvent(manifest, frames.get("0102")!);
    await t.step("the event is a transient within 2 px of its place in each block", () => {
      assert.equal(event.length, 10);
      for (const { id, offsetPx, flags } of event) {
        assert.ok(offsetPx < 2, `${id}: ${offsetPx} px off`);
        assert.equal(flags, 0, `${id}: ${flags} flags`);
      }
    });
    await t.step("its brightness follows the light curve", async () => {
      await checkLightCurve(event, manifest, reference);
    });
    await t.step("little else is reported", () => {
      const others = event.map(({ risen }) => risen - 1);
      assert.ok(median(others) <= 4, `${others} besides the event`);
      const faded = event.map((sighting) => sighting.faded);
      assert.ok(median(faded) <= 3, `${faded} faded`);
    });
    await t.step("the frame with a tail on every star is doubted as a whole, and no other", () => {
      const searches = manifest.products.filter(({ kind }) => kind === "transients");
      const doubted = only(searches.filter(({ measured }) => measured.suspect !== null));
      const { from } = manifest.products.find(({ id }) => id === doubted.of)!;
      assert.deepEqual(from, ["AKB13475I0098"]);
      assert.match(String(doubted.measured.suspect), /^\d\d % of what brightened stands \(2\d, /);
      for (const { gates } of searches) {
        if (gates[0]!.verdict === "pass") assert.ok(gates[0]!.value! < 0.05, `${gates[0]!.value}`);
      }
    });
    await t.step("every file written passes fitsverify", () => checkFits(manifest));
  },
);

function checkAstrometry(manifest: Manifest): void {
  const frames = imagesOf(manifest, "frame", "astrom");
  assert.equal(frames.length, 48);
  for (const { id, measured } of frames) {
    assert.ok(Number(measured.astromRmsArcsec) < 0.1, `${id}: ${measured.astromRmsArcsec}″`);
  }
  const [group] = manifest.stages[0]?.metrics.groups as { internalRmsArcsec: number[] }[];
  for (const rms of group!.internalRmsArcsec) assert.ok(rms < 0.06, `internal ${rms}″`);
}

/** Makes a photometric reference of one frame, since nobody has magnitudes of this field. */
async function writeCatalogue(frame: Product, night: NightFolder): Promise<void> {
  const work = join(night.folder, "catalogue");
  const args = ["phot", frame.path, "--unit", "SAAO", "--work", work];
  const manifest = await night.manifest("catalogue.json", args, 0);
  const { path } = only(manifest.products.filter(({ kind }) => kind === "catalogue"));
  const table = await readAsciiHead(path);
  const column = (name: string) => Array.from(table.column(name));
  const [ra, dec, mag] = [column("ALPHA_J2000"), column("DELTA_J2000"), column("MAG_AUTO")];
  const [error, flags] = [column("MAGERR_AUTO"), column("FLAGS")];
  const rows = mag.map((_, i) => i).filter((i) => flags[i]! <= 3 && error[i]! < 0.05);
  const lines = rows.map((i) => [ra[i], dec[i], ZERO_POINT + mag[i]!, error[i]].join(","));
  await Deno.mkdir(join(night.base, "ref_cat"), { recursive: true });
  await Deno.writeTextFile(
    join(night.base, "ref_cat", "KB13475.csv"),
    ["ra,dec,mag_58,magerr_58", ...lines, ""].join("\n"),
  );
}

/** Has a reference made of the nights after the event; gives the ids of its frames. */
async function makeReference(
  frames: readonly Product[],
  night: NightFolder,
): Promise<readonly string[]> {
  const measured = join(night.folder, "later.json");
  await night.gppy([
    ...["phot", ...frames.map(({ path }) => path), "--unit", "SAAO", "--max-mag-error", "0.2"],
    ...["--work", join(night.folder, "later"), "-o", measured],
  ], 10);
  const args = ["reference", measured, "--not-night", "2013-08-03", "--no-measure"];
  const manifest = await night.manifest("reference.json", args, 0);
  return only(imagesOf(manifest, "reference")).from;
}

/** The event in one block. */
interface Sighting {
  readonly id: string;
  readonly offsetPx: number;
  readonly flags: number;
  /** Flux that one frame's counts would be at the common zero point. */
  readonly flux: number;
  /** Candidates of the block without a flag, by their sign. */
  readonly risen: number;
  readonly faded: number;
}

async function followEvent(manifest: Manifest, frame: Product): Promise<Sighting[]> {
  const [raDeg, decDeg] = wcsFromHeader(await readHeader(frame.path))!.pixelToSky(...EVENT_PX);
  const sightings: Sighting[] = [];
  const stacks = imagesOf(manifest, "stack").toSorted((a, b) => a.mjd! - b.mjd!);
  for (const { id } of stacks) {
    const found = manifest.products.find(({ kind, path }) =>
      kind === "transients" && path.endsWith(`/${id}.transient.cat`)
    );
    const table = await readAsciiHead(found!.path);
    sightings.push({ id, ...nearest(table, { raDeg, decDeg }) });
  }
  return sightings;
}

function nearest(
  table: AsciiTable,
  place: { readonly raDeg: number; readonly decDeg: number },
): Omit<Sighting, "id"> {
  const [ra, dec] = [table.column("ALPHA_J2000"), table.column("DELTA_J2000")];
  const away = Array.from(
    ra,
    (raDeg, i) => separationDeg({ raDeg, decDeg: dec[i]! }, place) * 3600 / SCALE_ARCSEC,
  );
  const offsetPx = Math.min(...away);
  const row = away.indexOf(offsetPx);
  const flags = Array.from(table.column("FLAGGED"));
  const signs = Array.from(table.column("SIGN")).filter((_, i) => flags[i] === 0);
  return {
    offsetPx,
    flags: flags[row]!,
    flux: 10 ** (0.4 * (ZERO_POINT - table.column("MAG_APER_2_cal")[row]!)),
    risen: signs.filter((sign) => sign > 0).length,
    faded: signs.filter((sign) => sign < 0).length,
  };
}

async function checkLightCurve(
  event: readonly Sighting[],
  manifest: Manifest,
  reference: readonly string[],
): Promise<void> {
  const text = await Deno.readTextFile(join(DATA, DATASET, "derived_event_lightcurve.csv"));
  const rows = parse(text, { columns: true }) as Record<string, string>[];
  const fluxOf = new Map(rows.map((row) => [row.frame, Number(row.diff_flux_adu_scaled)]));
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
  const fluxIn = (ids: readonly string[]) => mean(ids.map((id) => fluxOf.get(id.slice(-4))!));
  const expected = event.map(({ id }) => {
    const { from } = manifest.products.find((product) => product.id === id)!;
    return fluxIn(from) - fluxIn(reference);
  });
  const flux = event.map((sighting) => sighting.flux);
  const [x, y] = [mean(expected), mean(flux)];
  const sum = (a: readonly number[], ma: number, b: readonly number[], mb: number) =>
    a.reduce((total, value, i) => total + (value - ma) * (b[i]! - mb), 0);
  const correlation = sum(expected, x, flux, y) /
    Math.sqrt(sum(expected, x, expected, x) * sum(flux, y, flux, y));
  const slope = sum(expected, 0, flux, 0) / sum(expected, 0, expected, 0);
  assert.ok(correlation > 0.97, `correlation ${correlation}`);
  assert.ok(slope > 0.85 && slope < 1.05, `slope ${slope}`);
  assert.ok(flux.at(-1)! < 0.6 * Math.max(...flux), "fades");
  assert.ok(flux.at(-1)! < flux.at(-2)!, "to the end of the night");
}
