import assert from "node:assert/strict";
import { join } from "node:path";
import { ExternalToolError } from "../config/errors.ts";
import { loadSite } from "../config/site.ts";
import { writeImage } from "../fits/image.ts";
import { readHeader } from "../fits/file.ts";
import { FitsHeader } from "../fits/header.ts";
import { readLdac } from "../fits/ldac.ts";
import { readImage } from "../fits/image.ts";
import { entriesOf, inOddFolder, installedTools, standIn, toolsWith } from "./_testing.ts";
import { runImhead } from "./imhead.ts";
import { runMissfits } from "./missfits.ts";
import { runSextractor } from "./sextractor.ts";
import { runSolveField, solveFieldArgs } from "./solve_field.ts";
import { runSwarp } from "./swarp.ts";

const WCS = {
  ...{ CTYPE1: "RA---TAN", CTYPE2: "DEC--TAN", CRVAL1: 150, CRVAL2: 2, CRPIX1: 64.5 },
  ...{ CRPIX2: 48.5, CD1_1: -1.4e-4, CD1_2: 0, CD2_1: 0, CD2_2: 1.4e-4, EQUINOX: 2000 },
};

/** A flat sky of 100 ADU with noise of about 1 and three Gaussian stars. */
async function writeSky(path: string): Promise<void> {
  const [width, height] = [128, 96];
  const data = new Float32Array(width * height);
  let state = 1;
  for (let i = 0; i < data.length; i++) {
    state = (state * 1103515245 + 12345) % 2147483648;
    const noise = (state / 2147483648 - 0.5) * 3.5;
    const [x, y] = [i % width, Math.floor(i / width)];
    data[i] = 100 + noise;
    for (const [sx, sy] of [[30, 20], [90, 40], [60, 70]] as const) {
      data[i]! += 2000 * Math.exp(-((x - sx) ** 2 + (y - sy) ** 2) / 4.5);
    }
  }
  await writeImage(path, { width, height, data, header: FitsHeader.from(WCS) });
}

Deno.test("runSextractor() finds stars in a folder with an awkward name", async () => {
  await inOddFolder(async (folder) => {
    const site = await loadSite({ base: folder, env: {} });
    const image = join(folder, "sky, one.fits");
    await writeSky(image);
    await runSextractor(installedTools(), {
      image,
      detection: image,
      catalogue: join(folder, "sky.cat"),
      format: "FITS_LDAC",
      config: site.file("7dt.sex"),
      params: ["NUMBER", "X_IMAGE", "Y_IMAGE", "FLUX_AUTO", "FLAGS"],
      filter: site.file("gauss_3.0_7x7.conv"),
      settings: { DETECT_THRESH: 5 },
      files: { WEIGHT_IMAGE: [image, image] },
      checkImages: { BACKGROUND: join(folder, "back ground.fits") },
    });
    const { objects } = await readLdac(join(folder, "sky.cat"));
    const found = Array.from(objects.column("X_IMAGE"), (x) => Math.round(Number(x)));
    assert.deepEqual(found.sort((a, b) => a - b), [31, 61, 91]);
    assert.deepEqual(entriesOf(folder), ["back ground.fits", "sky, one.fits", "sky.cat"]);
  });
});

Deno.test("runSextractor() leaves nothing behind when the image is no image", async () => {
  await inOddFolder(async (folder) => {
    const site = await loadSite({ base: folder, env: {} });
    const image = join(folder, "text.fits");
    await Deno.writeTextFile(image, "not an image");
    await assert.rejects(
      runSextractor(installedTools(), {
        image,
        catalogue: join(folder, "c.cat"),
        format: "ASCII_HEAD",
        config: site.file("7dt.sex"),
        params: ["NUMBER"],
      }),
      (error) => error instanceof ExternalToolError && /source-extractor/.test(error.message),
    );
    assert.deepEqual(entriesOf(folder), ["text.fits"]);
  });
});

Deno.test("runMissfits() replaces cards and leaves the pixels and the source alone", async () => {
  await inOddFolder(async (folder) => {
    const site = await loadSite({ base: folder, env: {} });
    const [image, output] = [join(folder, "sky.fits"), join(folder, "merged.fits")];
    await writeSky(image);
    const before = await Deno.readFile(image);
    const head = FitsHeader.from({ CRVAL1: 151.25, ASTRRMS1: [1e-5, "rms"] }).toText();
    await runMissfits(installedTools(), { image, head, output, config: site.file("7dt.missfits") });
    const header = await readHeader(output);
    assert.equal(header.number("CRVAL1"), 151.25);
    assert.equal(header.number("ASTRRMS1"), 1e-5);
    assert.equal(header.number("CRVAL2"), 2);
    assert.deepEqual((await readImage(output)).data, (await readImage(image)).data);
    assert.deepEqual(await Deno.readFile(image), before);
  });
});

Deno.test("runSwarp() averages two frames on a grid given as a header", async () => {
  await inOddFolder(async (folder) => {
    const site = await loadSite({ base: folder, env: {} });
    const image = join(folder, "sky.fits");
    await writeSky(image);
    const grid = FitsHeader.from({ NAXIS: 2, NAXIS1: 100, NAXIS2: 80, ...WCS, CRPIX1: 50.5 });
    await runSwarp(installedTools(), {
      inputs: [{ image }, { image }],
      output: join(folder, "stack.fits"),
      outputWeight: join(folder, "stack.weight.fits"),
      outputHead: grid.toText(),
      config: site.file("7dt.swarp"),
      settings: { COMBINE_TYPE: "AVERAGE", SUBTRACT_BACK: false },
    });
    const stack = await readImage(join(folder, "stack.fits"));
    assert.deepEqual([stack.width, stack.height], [100, 80]);
    const level = stack.data.toSorted()[stack.data.length >> 1]!;
    assert.ok(Math.abs(level - 100) < 1, `level ${level}`);
    assert.deepEqual(entriesOf(folder), ["sky.fits", "stack.fits", "stack.weight.fits"]);
  });
});

Deno.test("runImhead() prints the header that the image has", async () => {
  await inOddFolder(async (folder) => {
    const image = join(folder, "sky.fits");
    await writeSky(image);
    const text = await runImhead(installedTools(), image);
    assert.match(text, /^SIMPLE {2}= {20}T/);
    assert.match(text, /^CRVAL1 {2}= .*150/m);
    assert.match(text, /^END/m);
  });
});

const STARS = { x: [10, 20, 30], y: [11, 21, 31], width: 128, height: 96, scaleArcsec: 0.5 };

Deno.test("solveFieldArgs() tells scale, size and where to look", () => {
  const near = { raDeg: 150, decDeg: 2, radiusDeg: 5 };
  const task = { ...STARS, scaleTolerance: 0.25, near, beside: "x" };
  assert.deepEqual(solveFieldArgs(task, "astrometry.cfg", 100), [
    ...["--overwrite", "--no-plots", "--width", "128", "--height", "96"],
    ...["--x-column", "X", "--y-column", "Y", "--no-tweak", "--crpix-center"],
    ...["--no-remove-lines", "--uniformize", "0"],
    ...["--scale-units", "arcsecperpix", "--scale-low", "0.4", "--scale-high", "0.625"],
    ...["--ra", "150", "--dec", "2", "--radius", "5", "--config", "astrometry.cfg"],
    ...["--cpulimit", "90", "--wcs", "solved.wcs"],
    ...["--new-fits", "none", "--corr", "none", "--match", "none", "--rdls", "none"],
    "stars.xyls",
  ]);
});

Deno.test("runSolveField() returns the WCS it finds, or nothing", async () => {
  await inOddFolder(async (folder) => {
    await writeSky(join(folder, "solution.fits"));
    await standIn(folder, "solve-field", `cp '${folder}/solution.fits' solved.wcs`);
    const task = { ...STARS, beside: join(folder, "frame.ldac") };
    const header = await runSolveField(toolsWith(folder), task);
    assert.equal(header?.number("CRVAL1"), 150);
    await standIn(folder, "solve-field", "exit 0");
    assert.equal(await runSolveField(toolsWith(folder), task), undefined);
    await standIn(folder, "solve-field", "echo 'no index files' >&2; exit 255");
    await assert.rejects(runSolveField(toolsWith(folder), task), /no index files/);
    await assert.rejects(runSolveField(toolsWith(folder), { ...task, x: [], y: [] }), /no stars/);
  });
});
