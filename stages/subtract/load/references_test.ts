import assert from "node:assert/strict";
import { join } from "node:path";
import { DataError } from "../../../config/errors.ts";
import { FitsHeader } from "../../../fits/header.ts";
import { writeImage } from "../../../fits/image.ts";
import { findReference } from "./references.ts";

async function withReferences(
  files: Record<string, Record<string, string | number>>,
  test: (folder: string) => Promise<void>,
) {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(folder, "m600"));
    for (const [name, cards] of Object.entries(files)) {
      const header = FitsHeader.from(cards);
      const image = { width: 2, height: 2, data: new Float32Array(4), header };
      await writeImage(join(folder, "m600", name), image);
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const wanted = { object: "T09614", filter: "m600" };

Deno.test("findReference() prefers the telescope's own reference and finds its mask", async () => {
  const files = {
    "ref_PS1_T09614_m600.fits": {},
    "ref_7DT_T09614_m600_20240101.fits": {},
    "ref_7DT_T09614_m600_20240101.mask.fits": {},
  };
  await withReferences(files, async (folder) => {
    const found = await findReference({ ...wanted, folder });
    assert.ok(found.path.endsWith("ref_7DT_T09614_m600_20240101.fits"));
    assert.ok(found.maskPath?.endsWith("ref_7DT_T09614_m600_20240101.mask.fits"));
    assert.match(found.why, /own/);
  });
});

Deno.test("findReference() takes the survey's when there is no own, and says so", async () => {
  await withReferences({ "ref_PS1_T09614_m600.fits": {} }, async (folder) => {
    const found = await findReference({ ...wanted, folder });
    assert.ok(found.path.endsWith("ref_PS1_T09614_m600.fits"));
    assert.match(found.why, /no 7DT/);
  });
});

Deno.test("findReference() takes the deepest of several", async () => {
  const files = {
    "ref_7DT_T09614_m600_20240101.fits": { UL5_1: 21.5 },
    "ref_7DT_T09614_m600_20240202.fits": { UL5_1: 20.9 },
  };
  await withReferences(files, async (folder) => {
    const found = await findReference({ ...wanted, folder });
    assert.ok(found.path.endsWith("20240101.fits"));
    assert.match(found.why, /deepest.*21\.50/);
  });
});

Deno.test("findReference() does not take the reference of an object with a longer name", async () => {
  const files = { "ref_7DT_T09614_B_m600.fits": {}, "ref_7DT_T096140_m600.fits": {} };
  await withReferences(files, async (folder) => {
    await assert.rejects(findReference({ ...wanted, folder }), (error: unknown) => {
      assert.ok(error instanceof DataError);
      assert.ok(error.message.includes(join(folder, "m600")), error.message);
      return true;
    });
  });
});

Deno.test("findReference() refuses a given reference of another filter", async () => {
  await withReferences({ "x.fits": { FILTER: "m425" } }, async (folder) => {
    const file = join(folder, "m600", "x.fits");
    await assert.rejects(findReference({ ...wanted, folder, file }), /its FILTER is "m425"/);
  });
});

Deno.test("findReference() takes the best seeing of those about equally deep, and tells all it looked at", async () => {
  const files = {
    "ref_7DT_T09614_m600_20240101.fits": { UL5_1: 21.55, SEEING: 2.4 },
    "ref_7DT_T09614_m600_20240202.fits": { UL5_1: 21.5, SEEING: 1.6 },
    "ref_7DT_T09614_m600_20240303.fits": { UL5_1: 20.5, SEEING: 1.1 },
  };
  await withReferences(files, async (folder) => {
    const found = await findReference({ ...wanted, folder });
    assert.ok(found.path.endsWith("20240202.fits"));
    assert.match(found.why, /best seeing, 1\.60 arcsec, of 3/);
    assert.deepEqual(found.facts.depthMag, 21.5);
    assert.deepEqual(found.considered.map(({ seeingArcsec }) => seeingArcsec), [1.6, 2.4, 1.1]);
  });
});

Deno.test("findReference() passes over one of the frame's own night, if there is another", async () => {
  const files = {
    "ref_7DT_T09614_m600_20240423.fits": { UL5_1: 22, "DATE-OBS": "2024-04-23T02:00:00" },
    "ref_7DT_T09614_m600_20240101.fits": { UL5_1: 21, "DATE-OBS": "2024-01-01T02:00:00" },
  };
  const mjd = 60423.1;
  await withReferences(files, async (folder) => {
    const found = await findReference({ ...wanted, folder, mjd });
    assert.ok(found.path.endsWith("20240101.fits"), found.why);
    assert.match(found.why, /not of the frame's night of 2/);
    await Deno.remove(found.path);
    const only = await findReference({ ...wanted, folder, mjd });
    assert.match(only.why, /only one; taken within a day of the frame, as there is no other/);
  });
});

Deno.test("findReference() passes over one with elongated stars, though it is the deepest", async () => {
  const files = {
    "ref_7DT_T09614_m600_20240101.fits": { UL5_1: 22, SEEING: 1.4, ELLIP: 0.31 },
    "ref_7DT_T09614_m600_20240202.fits": { UL5_1: 21.5, SEEING: 1.6, ELLIP: 0.08 },
    "ref_7DT_T09614_m600_20240303.fits": { UL5_1: 21, SEEING: 1.1 },
  };
  await withReferences(files, async (folder) => {
    const { path, why, facts, considered } = await findReference({ ...wanted, folder });
    assert.ok(path.endsWith("20240202.fits"), why);
    assert.match(why, /the deepest, 5 sigma at 21\.50 mag, of 3/);
    assert.equal(facts.ellipticity, 0.08);
    assert.deepEqual(considered.map(({ depthMag }) => depthMag), [21.5, 21, 22]);
    await Deno.remove(path);
    const next = await findReference({ ...wanted, folder });
    assert.match(next.why, /round stars \(the next: ellipticity 0\.31\) of 2/);
  });
});

Deno.test("findReference() without depths takes the latest, then the last by name", async () => {
  const files = {
    "ref_7DT_T09614_m600_20240101.fits": { "DATE-OBS": "2024-01-01" },
    "ref_7DT_T09614_m600_20230101.fits": { "DATE-OBS": "2023-01-01" },
  };
  await withReferences(files, async (folder) => {
    assert.match((await findReference({ ...wanted, folder })).why, /the latest of 2/);
  });
  const bare = { "ref_7DT_T09614_m600_a.fits": {}, "ref_7DT_T09614_m600_b.fits": {} };
  await withReferences(bare, async (folder) => {
    const found = await findReference({ ...wanted, folder });
    assert.ok(found.path.endsWith("_b.fits"));
    assert.match(found.why, /the last by name of 2/);
  });
});
