import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { readHeader } from "../../fits/file.ts";
import { readImage, writeImage } from "../../fits/image.ts";
import { updateHeader } from "../../fits/update_header.ts";
import { tanWcs, wcsFromHeader } from "../../sky/wcs.ts";
import type { NewProduct } from "../stage.ts";
import { testContext } from "../testing.ts";
import { prepareFrame } from "./frame.ts";
import { writeSolved } from "./output.ts";
import { astromParams } from "./params.ts";
import { fileReference, makeFrameReference } from "./reference.ts";
import { solveGroup } from "./solve.ts";
import { DATA, isAbsent, runAstrom, trialProduct, trialSite, withWcsCards } from "./_trial.ts";

const noSaao = isAbsent("saao-kb13475");
const noHatp = isAbsent("exotic-hatp32");
const SAAO_FLAGS = {
  ...{ referenceFrame: "AKB13475I0102", distortDegree: 1, positionErrorArcmin: 2 },
  ...{ crossidRadiusArcsec: 2, server: false },
};
/** Good and poor seeing, the night of the event and others. */
const SAAO_FRAMES = ["0049", "0073", "0102", "0177"];

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir();
  const folder = join(parent, "a night, (one)");
  await Deno.mkdir(folder);
  try {
    await work(folder);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

async function saaoProducts(numbers: readonly string[] = SAAO_FRAMES): Promise<NewProduct[]> {
  const paths = numbers.map((n) => join(DATA, `saao-kb13475/Images/AKB13475I${n}.fits`));
  return await Promise.all(paths.map((path) => trialProduct(path, "SAAO")));
}

async function verify(path: string): Promise<string> {
  const run = await new Deno.Command("fitsverify", { args: ["-q", path] }).output();
  return new TextDecoder().decode(run.stdout);
}

/** Sky positions of 0-based pixels, as astropy reads the header. */
async function astropySky(path: string, pixels: readonly (readonly [number, number])[]) {
  const script = "import sys, json, warnings; warnings.simplefilter('ignore')\n" +
    "from astropy.io import fits; from astropy.wcs import WCS\n" +
    "w = WCS(fits.getheader(sys.argv[1])); p = json.loads(sys.argv[2])\n" +
    "print(json.dumps(w.all_pix2world(p, 0).tolist()))";
  const args = ["-c", script, path, JSON.stringify(pixels)];
  const run = await new Deno.Command("/usr/bin/python3", { args }).output();
  assert.equal(run.code, 0, new TextDecoder().decode(run.stderr));
  return JSON.parse(new TextDecoder().decode(run.stdout)) as [number, number][];
}

/** Asserts that our WCS and astropy's agree to 4 micro-arcsec. */
async function compareWithAstropy(path: string): Promise<void> {
  const wcs = wcsFromHeader(await readHeader(path))!;
  const sky = await astropySky(path, PIXELS);
  for (const [i, [x, y]] of PIXELS.entries()) {
    const [raDeg, decDeg] = wcs.pixelToSky(x, y);
    const off = Math.hypot(raDeg - sky[i]![0], decDeg - sky[i]![1]);
    assert.ok(off < 1e-9, `${basename(path)}: ${off} deg from astropy at ${x}, ${y}`);
  }
}

const PIXELS = [[0, 0], [511, 0], [0, 511], [511, 511], [270.9, 219.8]] as const;

Deno.test({
  name: "astrom registers frames without WCS to the sources of one of them",
  ignore: noSaao,
  async fn() {
    await inFolder(async (folder) => {
      const site = await trialSite(folder);
      const work = join(folder, "work");
      const run = await runAstrom(await saaoProducts(), SAAO_FLAGS, site, work);
      assert.deepEqual(run.left, []);
      assert.equal(run.metrics.frames, SAAO_FRAMES.length);
      const [group] = run.metrics.groups;
      // All 48 frames give 0.043"/0.036" between each other.
      assert.ok(group!.internalRmsArcsec.every((rms) => rms > 0 && rms < 0.08), `${group}`);
      const frames = run.products.filter(({ kind }) => kind === "frame");
      for (const { path, measured, gates } of frames) {
        assert.ok(Number(measured?.["astromMatched"]) > 40, `${basename(path)}: matched`);
        assert.ok(Number(measured?.["astromRmsArcsec"]) < 0.1, `${basename(path)}: rms`);
        assert.ok(gates?.every(({ verdict }) => verdict === "pass"));
        assert.match(await verify(path), /verification OK/);
        await compareWithAstropy(path);
      }
      const header = await readHeader(join(work, "AKB13475I0073.fits"));
      assert.ok(header.number("ASTRRMS")! < 0.1 && header.number("ASTRRMS1")! > 0);
      assert.equal(header.text("ASTRREF"), "AKB13475I0102.ref");
      assert.match(header.text("DATE-OBS")!, /^2013-0[678]-\d\dT\d\d:\d\d:\d\d/);
      assert.equal(header.number("EGAIN"), 1.9);
      const source = await readImage(join(DATA, "saao-kb13475/Images/AKB13475I0073.fits"));
      assert.deepEqual((await readImage(join(work, "AKB13475I0073.fits"))).data, source.data);
      assert.deepEqual(
        [...Deno.readDirSync(work)].map(({ name }) => name).sort(),
        [...SAAO_FRAMES.map((n) => `AKB13475I${n}.fits`), "AKB13475I0102.ref.ldac"].sort(),
      );
    });
  },
});

Deno.test({
  name: "astrom's native merging gives the WCS that MissFITS gives",
  ignore: noSaao,
  async fn() {
    await inFolder(async (folder) => {
      const site = await trialSite(folder);
      const [product] = await saaoProducts(["0073"]);
      const { context } = testContext({ products: [product!], site, folder });
      const params = { ...astromParams.parse({}), distortDegree: 3, crossidRadiusArcsec: 2 };
      const setup = { params, context, scratch: folder };
      const frame = await prepareFrame(context.inputs[0]!, setup);
      const path = join(folder, "ref.ldac");
      await makeFrameReference(frame.catalogue, frame.first.wcs, path, 2013.6);
      const { solved } = await solveGroup([frame], await fileReference(path), setup);
      const written: string[] = [];
      for (const engine of ["missfits", "native"] as const) {
        const out = join(folder, engine);
        await Deno.mkdir(out);
        const write = { engine, context: { ...context, folder: out }, timeoutS: 60 };
        written.push((await writeSolved(solved[0]!, write)).path);
      }
      const [missfits, native] = [written[0]!, written[1]!];
      const model = async (file: string) => wcsFromHeader(await readHeader(file))!.model;
      assert.equal((await model(native)).distortion.kind, "tpv");
      assert.deepEqual(await model(missfits), await model(native));
      assert.deepEqual((await readImage(missfits)).data, (await readImage(native)).data);
      for (const file of written) assert.match(await verify(file), /verification OK/);
    });
  },
});

Deno.test({
  name: "astrom leaves a frame that points elsewhere behind and solves the others",
  ignore: noSaao,
  async fn() {
    await inFolder(async (folder) => {
      const site = await trialSite(folder);
      const [first, ...others] = await saaoProducts(["0073", "0102", "0177"]);
      // A frame of another field that claims to show this one.
      const stray = join(folder, "stray.fits");
      const image = await readImage(first!.path);
      image.data.reverse();
      await writeImage(stray, image);
      const products = [{ ...first!, id: "stray", path: stray }, ...others];
      const work = join(folder, "work");
      const run = await runAstrom(products, { ...SAAO_FLAGS, solveField: "never" }, site, work);
      assert.deepEqual(run.left.map(({ id, error }) => [id, error]), [["stray", "Gate"]]);
      assert.match(run.left[0]!.message, /contrast|matched/);
      assert.equal(run.left[0]!.details["firstWcs"], "pointing");
      assert.equal(run.metrics.frames, 2);
      assert.equal(run.metrics.failedGate, 1);
    });
  },
});

Deno.test({
  name: "astrom asks solve-field about a frame whose pointing is wrong",
  ignore: noSaao,
  async fn() {
    await inFolder(async (folder) => {
      const site = await trialSite(folder);
      const [frame, reference] = await saaoProducts(["0073", "0102"]);
      const wrong = join(folder, "wrong.fits");
      await updateHeader(frame!.path, wrong, (header) => {
        header.set("DEC", "-24:17:06");
      });
      const products = [{ ...frame!, path: wrong }, reference!];
      const never = { ...SAAO_FLAGS, solveField: "never" };
      const lost = await runAstrom(products, never, site, join(folder, "without"));
      assert.deepEqual(lost.left.map(({ id }) => id), ["AKB13475I0073"]);
      // Stands in for the program: says that every frame points where this one does.
      const pointing = { raDeg: 273.8708, decDeg: -25.285, width: 512, height: 512 };
      const header = tanWcs({ ...pointing, scaleArcsec: 0.31 }).cards();
      await writeImage(join(folder, "found.fits"), {
        ...{ width: 1, height: 1, data: new Float32Array(1), header },
      });
      const script = `#!/bin/sh\ncp '${folder}/found.fits' solved.wcs\n`;
      await Deno.writeTextFile(join(folder, "solve-field"), script, { mode: 0o755 });
      const run = await runAstrom(products, SAAO_FLAGS, site, join(folder, "with"), folder);
      assert.deepEqual(run.left, []);
      assert.equal(run.metrics.frames, 2);
      const solved = await readHeader(join(folder, "with/AKB13475I0073.fits"));
      assert.match(solved.toText(), /from a first WCS by solve-field/);
    });
  },
});

Deno.test({
  name: "astrom goes on with the others when SCAMP fails on a group",
  ignore: noSaao,
  async fn() {
    await inFolder(async (folder) => {
      const site = await trialSite(folder);
      const products = await saaoProducts(["0073", "0102"]);
      // A scamp that dies of groups, as the real one does of some frames.
      const script = `#!/bin/sh\n[ "$(wc -l < fields.list)" -gt 1 ] && exit 1\n` +
        `exec /usr/bin/scamp "$@"\n`;
      await Deno.writeTextFile(join(folder, "scamp"), script, { mode: 0o755 });
      const run = await runAstrom(products, SAAO_FLAGS, site, join(folder, "work"), folder);
      assert.deepEqual(run.left, []);
      assert.equal(run.metrics.frames, 2);
      assert.deepEqual(run.metrics.groups[0]!.internalRmsArcsec, [0, 0]); // not solved together
    });
  },
});

Deno.test({
  name: "astrom says what is missing: pointing, scale, reference, reference frame",
  ignore: noSaao,
  async fn() {
    await inFolder(async (folder) => {
      const site = await trialSite(folder);
      const products = await saaoProducts(["0073"]);
      const work = join(folder, "work");
      const [frame] = products;
      const without = join(folder, "lost.fits");
      await updateHeader(frame!.path, without, (header) => {
        header.delete("RA").delete("DEC");
      });
      const flags = { solveField: "never", server: false };
      const lost = await runAstrom([{ ...frame!, path: without }], flags, site, work);
      assert.match(lost.left[0]!.message, /no WCS, no RA and DEC cards/);
      const unknown = await runAstrom([{ ...frame!, unit: "NOWHERE" }], flags, site, work);
      assert.match(unknown.left[0]!.message, /unknown pixel scale.*NOWHERE/);
      const alone = await runAstrom(products, flags, site, work);
      assert.match(alone.left[0]!.message, /no reference catalogue KB13475\.cat/);
      assert.deepEqual(alone.left[0]!.products, ["AKB13475I0073"]);
      await assert.rejects(
        runAstrom(products, { ...flags, referenceFrame: "none-such" }, site, work),
        /no such frame in the manifest/,
      );
      assert.deepEqual([...Deno.readDirSync(work)], []);
    });
  },
});

Deno.test({
  name: "astrom solves undersampled wide frames offline against a Tycho-2 catalogue on disk",
  ignore: noHatp,
  async fn() {
    await inFolder(async (folder) => {
      const site = await trialSite(folder);
      const times = ["013343", "062112"];
      const frames = times.map((time) => `HATP-32171220${time}`);
      const from = (path: string) => join(DATA, "exotic-hatp32", path);
      const products = await Promise.all(frames.map(async (name) => {
        const raw = from(`HatP32Dec202017/${name}.FITS`);
        const path = await withWcsCards(raw, from(`derived/${name}.wcs.txt`), folder);
        return await trialProduct(path, "CECILIA");
      }));
      const reference = from("derived/tycho2_ref_ldac.cat");
      await Deno.copyFile(reference, join(site.paths.refScamp, "HATP-32.cat"));
      const work = join(folder, "work");
      // 5 arcsec a pixel: the user widens the gate and the matching radius.
      const flags = {
        ...{ crossidRadiusArcsec: 8, maxRmsArcsec: 1, positionErrorArcmin: 1, server: false },
      };
      const run = await runAstrom(products, flags, site, work);
      assert.deepEqual(run.left, []);
      // PROVENANCE.txt: internal 0.25"/0.22", external 0.44"/0.36".
      for (const { measured } of run.products) {
        assert.ok(Number(measured?.["astromRmsArcsec"]) < 0.6);
        assert.ok(Number(measured?.["astromMatched"]) >= 25);
      }
      assert.ok(run.metrics.groups[0]!.internalRmsArcsec.every((rms) => rms < 0.35));
      const header = await readHeader(join(work, `${frames[0]}.fits`));
      assert.equal(header.text("DATE-OBS"), "2017-12-20T01:33:43.317");
      assert.equal(header.text("CTYPE1"), "RA---TPV");
      await compareWithAstropy(join(work, `${frames[0]}.fits`));
      assert.match(await verify(join(work, `${frames[0]}.fits`)), /verification OK/);
    });
  },
});
