import assert from "node:assert/strict";
import { join } from "node:path";
import { DataError } from "../../config/errors.ts";
import { FitsHeader } from "../../fits/header.ts";
import { readLdac, writeLdac } from "../../fits/ldac.ts";
import { tanWcs } from "../../sky/wcs.ts";
import { DATA, isAbsent } from "./_trial.ts";
import { findReference, makeFrameReference, readReferenceKeys } from "./reference.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function writeStars(path: string, names: readonly string[], rows = 3): Promise<void> {
  const columns = names.map((name, i) => ({ name, data: new Array<number>(rows).fill(i + 1) }));
  await writeLdac(path, { header: FitsHeader.from({}), columns, rows });
}

const WORLD = ["X_WORLD", "Y_WORLD", "ERRA_WORLD", "ERRB_WORLD", "MAG", "MAGERR"];

Deno.test("readReferenceKeys() knows the columns of SCAMP's and of our catalogues", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.cat");
    await writeStars(path, [...WORLD, "OBSDATE"]);
    assert.deepEqual(await readReferenceKeys(path), {
      stars: 3,
      keys: {
        ...{ centre: ["X_WORLD", "Y_WORLD"], error: ["ERRA_WORLD", "ERRB_WORLD"] },
        ...{ mag: "MAG", magError: "MAGERR", obsDate: "OBSDATE" },
      },
    });
  });
});

Deno.test({
  name: "readReferenceKeys() knows the columns of a Gaia catalogue that SCAMP saved",
  ignore: isAbsent("neoexchange-scamp"),
  async fn() {
    const { keys, stars } = await readReferenceKeys(join(DATA, "neoexchange-scamp/GAIA-DR2.cat"));
    assert.deepEqual(keys.centre, ["XWIN_WORLD", "YWIN_WORLD"]);
    assert.equal(stars, 249);
  },
});

Deno.test("readReferenceKeys() says which columns are missing, and when it is empty", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.cat");
    await writeStars(path, ["X_WORLD", "Y_WORLD", "MAG"]);
    await assert.rejects(readReferenceKeys(path), /ERRA_WORLD.*MAGERR/);
    await writeStars(path, WORLD, 0);
    await assert.rejects(readReferenceKeys(path), /no stars/);
    await Deno.writeTextFile(path, "text");
    await assert.rejects(readReferenceKeys(path), DataError);
  });
});

Deno.test("findReference() prefers the given file, then the object's, then the server", async () => {
  await inFolder(async (folder) => {
    const search = { given: null, folder, server: true };
    assert.equal((await findReference("M 31", search)).scamp.kind, "server");
    await assert.rejects(
      findReference("M 31", { ...search, server: false }),
      /no reference catalogue M 31\.cat or M 31\.ldac in .*server is switched off/,
    );
    await writeStars(join(folder, "M 31.ldac"), WORLD);
    assert.equal((await findReference("M 31", search)).name, "M 31.ldac");
    await writeStars(join(folder, "M 31.cat"), WORLD);
    assert.equal((await findReference("M 31", search)).name, "M 31.cat");
    await writeStars(join(folder, "mine.fits"), WORLD);
    const given = join(folder, "mine.fits");
    assert.equal((await findReference("M 31", { ...search, given })).name, "mine.fits");
  });
});

Deno.test("makeFrameReference() places good sources by the frame's first WCS", async () => {
  await inFolder(async (folder) => {
    const [catalogue, target] = [join(folder, "frame.ldac"), join(folder, "ref.ldac")];
    await writeLdac(catalogue, {
      header: FitsHeader.from({}),
      columns: [
        { name: "XWIN_IMAGE", data: [50.5, 10, 20, 30] },
        { name: "YWIN_IMAGE", data: [50.5, 10, 20, 30] },
        { name: "ERRAWIN_IMAGE", data: [0.1, 0.1, 0.1, 0.1] },
        { name: "ERRBWIN_IMAGE", data: [0, 0.1, 0.1, 0.1] },
        { name: "MAG_AUTO", data: [-12, -11, 99, -10] },
        { name: "MAGERR_AUTO", data: [0.01, 0.01, 99, 0.01] },
        { name: "FLAGS", data: [0, 4, 0, 3] }, // the second is saturated, the third has no flux
      ],
    });
    const options = { raDeg: 10, decDeg: 20, scaleArcsec: 1, width: 100, height: 100 };
    const stars = await makeFrameReference(catalogue, tanWcs(options), target, 2013.6);
    assert.equal(stars, 2);
    const { objects } = await readLdac(target);
    assert.ok(Math.abs(Number(objects.column("X_WORLD")[0]) - 10) < 1e-9);
    assert.ok(Math.abs(Number(objects.column("Y_WORLD")[0]) - 20) < 1e-9);
    assert.ok(Math.abs(Number(objects.column("ERRA_WORLD")[0]) * 3600 - 0.1) < 1e-6);
    assert.ok(Math.abs(Number(objects.column("ERRB_WORLD")[0]) * 3600 - 0.01) < 1e-6);
  });
});
