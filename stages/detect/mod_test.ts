import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { loadSite } from "../../config/site.ts";
import { readImage, writeImage } from "../../fits/image.ts";
import { type AsciiTable, readAsciiHead } from "../../sky/catalogue.ts";
import { bit, writeMask } from "../../sky/mask.ts";
import { wcsFromHeader } from "../../sky/wcs.ts";
import type { Left } from "../manifest.ts";
import {
  drawSky,
  scatterStars,
  type SkySpec,
  type SyntheticStar,
  writeReference,
  writeSky,
} from "../phot/_synthetic_sky.ts";
import { phot } from "../phot/mod.ts";
import type { NewProduct } from "../stage.ts";
import { testContext } from "../testing.ts";
import { FLAG_RULES } from "./flags.ts";
import { detect } from "./mod.ts";

/** Wider than high by far: exchanged axes would lose what lies at x > 420. */
const SIZE = { width: 900, height: 420 };
/** The reference ends here along x. */
const COVERED = 800;
const BASE: SkySpec = {
  ...SIZE,
  stars: scatterStars({ ...SIZE, count: 90, minMag: 12.5, maxMag: 18, seed: 3 }),
  fwhmPx: 3.6,
  zeroPointMag: 24.5,
  skyAdu: 300,
  gain: 0.8,
  seed: 5,
};
const MASKED: SyntheticStar = { x: 60.3, y: 380.2, mag: 14.5 };
const UNCOVERED: SyntheticStar = { x: 850.2, y: 210.4, mag: 14.5 };
const SHIFTED: SyntheticStar = { x: 700.1, y: 60.2, mag: 13 };
const HIT = { x: 500, y: 395 };
const FADED: SyntheticStar = { x: 250.4, y: 30.3, mag: 14 };
const AT_EDGE: SyntheticStar = { x: 895.5, y: 300.3, mag: 14 };

/** S/N from 10 to 60. */
const NEW_STARS = scatterStars({ ...SIZE, count: 60, minMag: 14.4, maxMag: 16.4, seed: 21 })
  .filter((star) => star.x < COVERED - 30 && isAlone(star));

function isAlone(star: { x: number; y: number }): boolean {
  return [...BASE.stars, MASKED, UNCOVERED, SHIFTED, FADED, HIT]
    .every((other) => Math.hypot(other.x - star.x, other.y - star.y) > 18);
}

interface Found {
  readonly folder: string;
  readonly catalogue: AsciiTable;
  readonly products: readonly NewProduct[];
  readonly metrics: Awaited<ReturnType<typeof detect.run>>["metrics"];
}

/** Draws a pair, subtracts it pixel by pixel and runs phot and detect. */
async function search(
  work: (found: Found) => Promise<void> | void,
  sky: "changed" | "same" | "trailed" = "changed",
): Promise<void> {
  const base = await Deno.makeTempDir();
  try {
    const folder = join(base, "work");
    await Deno.mkdir(folder);
    const products = await drawPair(base, sky);
    const reference = join(base, "reference.csv");
    await writeReference(reference, BASE);
    const site = await loadSite({ base, env: {} });
    const first = testContext({ products, inputs: ["stack"], site, folder });
    const measured = await phot.run(phot.params.parse({ reference }), first.context);
    const second = testContext({
      products: [...products.filter(({ kind }) => kind !== "stack"), ...measured.products],
      inputs: ["difference"],
      site,
      folder,
    });
    const { products: made, metrics } = await detect.run(
      detect.params.parse({ flaggedStamps: 2 }),
      second.context,
    );
    assert.deepEqual([...first.left, ...second.left], []);
    const catalogue = await readAsciiHead(join(folder, "s.transient.cat"));
    await work({ folder, catalogue, products: made, metrics });
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

/** What a telescope that was pushed at the end of the exposure adds: a twentieth of every star. */
const TAILS = BASE.stars.map((star) => ({ x: star.x + 19, y: star.y - 6, mag: star.mag + 3.25 }));

async function drawPair(base: string, sky: "changed" | "same" | "trailed"): Promise<NewProduct[]> {
  const shifted = { ...SHIFTED, x: SHIFTED.x + 0.6 };
  const added = {
    changed: [...NEW_STARS, MASKED, UNCOVERED, AT_EDGE, shifted],
    same: [],
    trailed: [NEW_STARS[0]!, ...TAILS],
  }[sky];
  const gone = sky === "changed" ? [SHIFTED, FADED] : [];
  const science = drawSky({ ...BASE, stars: [...BASE.stars, ...added] });
  const reference = drawSky({ ...BASE, stars: [...BASE.stars, ...gone], gain: 8, seed: 9 });
  if (sky === "changed") science[HIT.y * SIZE.width + HIT.x]! += 2500;
  const difference = science.map((value, i) => value - reference[i]!);
  reference.forEach((_, i) => {
    if (i % SIZE.width > COVERED) reference[i] = NaN;
  });
  const mask = new Uint16Array(difference.length);
  for (let y = 374; y < 387; y++) mask.fill(bit("SAT"), y * 900 + 54, y * 900 + 67);
  const maskPath = join(base, "s.subt.mask.fits");
  await writeMask(maskPath, { ...SIZE, data: mask });
  const common = { unit: "7DT07", object: "T1", filter: "m600" };
  return [
    { ...common, id: "s", kind: "stack", path: await writeSky(base, "s", BASE, science) },
    {
      ...{ ...common, id: "s.subt", kind: "difference", of: "s" },
      path: await writeSky(base, "s.subt", BASE, difference),
    },
    { id: "s.subt.mask", kind: "mask", of: "s.subt", path: maskPath },
    {
      ...{ ...common, id: "s.ref", kind: "reference", role: "aligned", of: "s" },
      path: await writeSky(base, "s.ref", BASE, reference),
    },
  ];
}

/** Row of the candidate within 3 px of a place, -1 without one. */
function rowAt(table: AsciiTable, place: { x: number; y: number }): number {
  const [x, y] = [table.column("X_IMAGE"), table.column("Y_IMAGE")];
  return x.findIndex((value, i) => Math.hypot(value - 1 - place.x, y[i]! - 1 - place.y) < 3);
}

function flagsAt(table: AsciiTable, place: { x: number; y: number }): string[] {
  const row = rowAt(table, place);
  assert.ok(row >= 0, `no candidate at ${place.x}, ${place.y}`);
  return FLAG_RULES.filter((_, i) => table.column(`flag_${i}`)[row] === 1).map(({ name }) => name);
}

Deno.test("detect finds nine of ten new stars of S/N 10 and more, and nothing false", async () => {
  await search(({ catalogue, metrics }) => {
    const passed = catalogue.column("TRANSIENT");
    const found = NEW_STARS.filter((star) => passed[rowAt(catalogue, star)] === 1);
    assert.ok(NEW_STARS.length >= 25, `${NEW_STARS.length} stars to find`);
    assert.ok(found.length >= 0.9 * NEW_STARS.length, `${found.length} of ${NEW_STARS.length}`);
    assert.equal(metrics.transients - metrics.faded, found.length);
    assert.ok(found.some((star) => star.x > SIZE.height), "none beyond the height along x");
  });
});

Deno.test("new stars come out at their magnitudes, with honest errors", async () => {
  await search(({ catalogue }) => {
    for (const aperture of ["AUTO", "APER", "APER_1", "APER_2"]) {
      const mag = catalogue.column(`MAG_${aperture}_cal`);
      const error = catalogue.column(`MAGERR_${aperture}_cal`);
      const pulls = NEW_STARS.flatMap((star) => {
        const row = rowAt(catalogue, star);
        return row < 0 ? [] : [(mag[row]! - star.mag) / error[row]!];
      }).sort((a, b) => a - b);
      const middle = pulls[pulls.length >> 1]!;
      const spread = (pulls[Math.floor(0.84 * pulls.length)]! -
        pulls[Math.floor(0.16 * pulls.length)]!) / 2;
      assert.ok(Math.abs(middle) < 0.7, `${aperture}: median pull ${middle}`);
      assert.ok(spread > 0.5 && spread < 1.7, `${aperture}: pulls spread by ${spread}`);
    }
  });
});

Deno.test("artefacts raise their flags", async () => {
  await search(({ catalogue }) => {
    assert.deepEqual(flagsAt(catalogue, MASKED), ["masked"]);
    assert.deepEqual(flagsAt(catalogue, UNCOVERED), ["outside_reference"]);
    assert.ok(flagsAt(catalogue, AT_EDGE).includes("edge"));
    const shifted = flagsAt(catalogue, { x: SHIFTED.x + 1.5, y: SHIFTED.y });
    assert.ok(shifted.includes("negative") && shifted.includes("dipole"), shifted.join());
    assert.ok(flagsAt(catalogue, HIT).includes("fwhm"));
  });
});

Deno.test("what has faded is found with the sign and the magnitude of the light it lost", async () => {
  await search(({ catalogue, metrics }) => {
    const row = rowAt(catalogue, FADED);
    assert.deepEqual(flagsAt(catalogue, FADED), []);
    assert.equal(catalogue.column("SIGN")[row], -1);
    assert.ok(Math.abs(catalogue.column("MAG_APER_2_cal")[row]! - FADED.mag) < 0.1);
    assert.equal(metrics.faded, 1);
    const signs = Array.from(catalogue.column("SIGN"));
    assert.deepEqual(signs, signs.toSorted((a, b) => b - a), "brighter ones first");
  });
});

Deno.test("detect writes catalogue, regions, summary, overview and stamps that others read", async () => {
  await search(async ({ folder, products, metrics, catalogue }) => {
    const names = products.map(({ path }) => basename(path));
    for (const ending of ["transient.cat", "transient.reg", "flags.csv", "transient.png"]) {
      assert.ok(names.includes(`s.${ending}`), ending);
    }
    assert.equal(
      products.filter(({ kind }) => kind === "stamp").length,
      4 * (metrics.transients + 2), // three FITS files and a PNG each
    );
    for (const { path, of } of products) {
      assert.equal(of, "s");
      assert.ok((await Deno.stat(path)).size > 0);
    }
    const stamps = names.filter((name) => name.endsWith(".fits")).map((name) => join(folder, name));
    const { success, stdout } = await new Deno.Command("fitsverify", { args: ["-q", ...stamps] })
      .output();
    assert.ok(success, new TextDecoder().decode(stdout));
    const regions = await Deno.readTextFile(join(folder, "s.transient.reg"));
    assert.equal(regions.match(/color=green/g)?.length, metrics.transients - metrics.faded + 1);
    assert.equal(regions.match(/color=cyan/g)?.length, metrics.faded);
    assert.equal(regions.match(/color=red/g)?.length, metrics.candidates - metrics.transients);
    const summary = await Deno.readTextFile(join(folder, "s.flags.csv"));
    assert.equal(summary.trim().split("\n").length, FLAG_RULES.length + 3);
    assert.equal(catalogue.rows, metrics.candidates);
  });
});

Deno.test("a stamp has its candidate in the middle, on the sky too", async () => {
  await search(async ({ folder, catalogue }) => {
    const row = catalogue.column("TRANSIENT").indexOf(1);
    const number = String(catalogue.column("NUMBER")[row]).padStart(5, "0");
    const { header, width, height, data } = await readImage(join(folder, `s.${number}.sub.fits`));
    assert.deepEqual([width, height], [101, 101]);
    const [x, y] = wcsFromHeader(header)!.skyToPixel(
      catalogue.column("ALPHA_J2000")[row]!,
      catalogue.column("DELTA_J2000")[row]!,
    );
    assert.ok(Math.hypot(x - 50, y - 50) < 1);
    assert.ok(Math.abs(header.requireNumber("CANDX") - 1 - x) < 0.01);
    assert.ok(data[50 * 101 + 50]! > 30);
  });
});

Deno.test("a difference without anything new gives empty tables and no error", async () => {
  await search(({ metrics, catalogue }) => {
    assert.equal(metrics.images, 1);
    assert.equal(metrics.transients, 0);
    assert.ok(catalogue.has("flag_0") && catalogue.has("MAG_AUTO_cal"));
  }, "same");
});

Deno.test("in a frame with a tail on every star all candidates are suspect, and none is lost", async () => {
  await search(async ({ folder, products, metrics, catalogue }) => {
    const made = products.find(({ kind }) => kind === "transients")!;
    const reason =
      /^\d\d % of what brightened stands \((18|19|20), -[567]\) px from brighter stars$/;
    assert.match(String(made.measured?.["suspect"]), reason);
    const [offset] = made.gates!;
    assert.equal(offset!.verdict, "degraded");
    assert.ok(metrics.transients >= 10, `${metrics.transients} tails would have passed`);
    assert.equal(metrics.suspect, metrics.transients);
    assert.equal(catalogue.column("TRANSIENT")[rowAt(catalogue, NEW_STARS[0]!)], 1);
    assert.ok(catalogue.column("SUSPECT").every((value) => value === 1));
    const text = await Deno.readTextFile(join(folder, "s.transient.cat"));
    assert.match(text, /SUSPECT +\d\d % of what brightened/);
    const stamp = products.find(({ kind, role }) => kind === "stamp" && role === "sub")!;
    const { header } = await readImage(stamp.path);
    assert.equal(header.boolean("SUSPECT"), true);
    assert.match(header.toText(), /Suspect: \d\d % of what brightened/);
  }, "trailed");
  await search(async ({ products, metrics, catalogue }) => {
    assert.equal(products.find(({ kind }) => kind === "transients")!.measured?.["suspect"], null);
    assert.equal(metrics.suspect, 0);
    assert.ok(catalogue.column("SUSPECT").every((value) => value === 0));
    const stamp = products.find(({ kind, role }) => kind === "stamp" && role === "sub")!;
    assert.equal((await readImage(stamp.path)).header.boolean("SUSPECT"), false);
  });
});

Deno.test("a difference of an image that was not measured is left behind with the card's name", async () => {
  const base = await Deno.makeTempDir();
  try {
    const site = await loadSite({ base, env: {} });
    const path = join(base, "s.subt.fits");
    await writeImage(path, { width: 20, height: 20, data: new Float32Array(400) });
    const { context, left } = testContext({
      products: [{ id: "s.subt", kind: "difference", of: "s", path, unit: "7DT07" }],
      site,
      folder: base,
    });
    const { metrics } = await detect.run(detect.params.parse({}), context);
    assert.equal(metrics.images, 0);
    assert.match((left[0] as Left).message, /PEEING/);
  } finally {
    await Deno.remove(base, { recursive: true });
  }
});
