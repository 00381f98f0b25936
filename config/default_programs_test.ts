/** The bundled settings run in the programs they are for, on real frames. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { bundledFile } from "./bundled_files.ts";

const DATA = Deno.env.get("GPPY_TESTDATA") ?? join(import.meta.dirname ?? ".", "../../shared/data");
const EMMI = join(DATA, "sep-image/image.fits");
const NEO = join(DATA, "neoexchange-scamp");
const ARCSAT = join(DATA, "arcsat-20250602-xo1b");
const noData = !exists(EMMI);

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

async function run(program: string, args: string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, text);
  // the AstrOmatic programs warn of every key and value they do not know
  if (program !== "imhead") assert.doesNotMatch(text, /unknown|not a valid|Error/i);
  return text;
}

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-programs-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function extract(
  image: string,
  parameters: string,
  type: string,
  folder: string,
  mask = "3.0_7x7",
) {
  return run("source-extractor", [
    image,
    ...["-c", bundledFile("7dt.sex", {})],
    ...["-PARAMETERS_NAME", bundledFile(parameters, {})],
    ...["-FILTER_NAME", bundledFile(`gauss_${mask}.conv`, {})],
    ...["-CATALOG_TYPE", type, "-CATALOG_NAME", "out.cat"],
  ], folder);
}

for (const parameters of ["astrom.param", "phot.param", "detect.param"]) {
  Deno.test({
    name: `Source Extractor takes 7dt.sex with ${parameters}, as text and as LDAC`,
    ignore: noData,
    fn: () =>
      withFolder(async (folder) => {
        await extract(EMMI, parameters, "ASCII_HEAD", folder);
        const rows = Deno.readTextFileSync(join(folder, "out.cat")).split("\n");
        const sources = rows.filter((row) => row !== "" && !row.startsWith("#"));
        // Source Extractor's own defaults give 65: three fifths of the pixels make a source there
        assert.ok(sources.length >= 50 && sources.length <= 70, `${sources.length} sources`);
        const columns = rows.filter((row) => row.startsWith("#"));
        const wanted = Deno.readTextFileSync(bundledFile(parameters, {})).split("\n")
          .filter((row) => row !== "" && !row.startsWith("#"));
        assert.equal(columns.length, wanted.length);
        await extract(EMMI, parameters, "FITS_LDAC", folder);
        assert.ok(Deno.statSync(join(folder, "out.cat")).size > 2880 * 3);
      }),
  });
}

for (const mask of ["1.5_3x3", "2.0_5x5", "2.5_5x5", "3.0_7x7", "4.0_9x9", "5.0_11x11"]) {
  Deno.test({
    name: `Source Extractor takes the mask gauss_${mask}.conv`,
    ignore: noData,
    fn: () =>
      withFolder(async (folder) => void await extract(EMMI, "astrom.param", "ASCII", folder, mask)),
  });
}

Deno.test({
  name: "SCAMP takes 7dt.scamp and repeats the published residuals of an LCO field",
  ignore: noData,
  fn: () =>
    withFolder(async (folder) => {
      Deno.copyFileSync(join(NEO, "ldac_test_catalog.fits"), join(folder, "neo.cat"));
      const text = await run("scamp", [
        "neo.cat",
        ...["-c", bundledFile("7dt.scamp", {}), "-ASTREF_CATALOG", "FILE"],
        ...["-ASTREFCAT_NAME", join(NEO, "GAIA-DR2.cat")],
        ...["-ASTREFCENT_KEYS", "XWIN_WORLD,YWIN_WORLD"],
        ...["-ASTREFERR_KEYS", "ERRAWIN_WORLD,ERRBWIN_WORLD"],
      ], folder);
      const external = text.slice(text.indexOf("(external)"));
      const [, x, y, stars] = /Group\s+1:\s+([\d.]+)"\s+([\d.]+)"\s+\S+\s+(\d+)/.exec(external) ??
        [];
      assert.equal(stars, "102");
      assert.ok(Math.abs(Number(x) - 0.133) < 0.01 && Math.abs(Number(y) - 0.144) < 0.01, external);
      const head = Deno.readTextFileSync(join(folder, "neo.head"));
      assert.match(head, /CTYPE1 {2}= 'RA---TPV'/);
      assert.ok(!exists(join(folder, "distort_1.png")), "no plots");
    }),
});

Deno.test({
  name: "SWarp takes 7dt.swarp and joins two drifted frames",
  ignore: noData,
  fn: () =>
    withFolder(async (folder) => {
      const frames = ["XO1-b_z_20250602_041008.fits", "XO1-b_z_20250602_041723.fits"];
      await run("SWarp", [
        ...frames.map((name) => join(ARCSAT, name)),
        ...["-c", bundledFile("7dt.swarp", {})],
      ], folder);
      const header = await run("imhead", ["coadd.fits"], folder);
      assert.match(header, /CTYPE1 {2}= 'RA---TAN'/);
      assert.match(header, /OBJECT {2}= 'XO1-b/);
      const width = Number(/NAXIS1 {2}= +(\d+)/.exec(header)?.[1]);
      assert.ok(width >= 1024 && width < 1200, `width ${width}`);
    }),
});

Deno.test({
  name: "MissFITS takes 7dt.missfits, merges a .head file and drops stale cards",
  ignore: noData,
  fn: () =>
    withFolder(async (folder) => {
      const image = join(folder, "image.fits");
      Deno.writeFileSync(image, Deno.readFileSync(join(ARCSAT, "XO1-b_z_20250602_041008.fits")));
      const card = (key: string, value: string) =>
        `${key.padEnd(8)}= ${value.padStart(20)}`.padEnd(80);
      const cards = [card("CRVAL1", "240.5"), card("FLXSCALE", "0.0"), "END".padEnd(80)];
      Deno.writeTextFileSync(join(folder, "image.head"), `${cards.join("\n")}\n`);
      await run("missfits", ["image.fits", "-c", bundledFile("7dt.missfits", {})], folder);
      const header = await run("imhead", ["image.fits"], folder);
      assert.match(header, /CRVAL1 {2}= +2\.405\d*E\+02/);
      assert.doesNotMatch(header, /CROTA1|CDELT1|FLXSCALE/);
      assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
        "image.fits",
        "image.head",
      ]);
    }),
});
