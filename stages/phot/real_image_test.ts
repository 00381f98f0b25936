import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { loadSite } from "../../config/site.ts";
import { readAsciiHead, readPhotCat } from "../../sky/catalogue.ts";
import { matchPixels } from "../../sky/match.ts";
import { median } from "../../sky/stats.ts";
import { testContext } from "../testing.ts";
import { phot } from "./mod.ts";

const FOLDER = join(Deno.env.get("GPPY_TESTDATA") ?? resolve("../shared/data"), "sep-image");

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test({
  name: "phot agrees with Source Extractor's own catalogue of a real frame (sep-image)",
  ignore: !await isThere(FOLDER),
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      const site = await loadSite({ base: folder, env: {} });
      const path = join(FOLDER, "image.fits");
      const { context, left } = testContext({
        products: [{ id: "image", kind: "frame", path, unit: "7DT01", filter: "R" }],
        site,
        folder,
      });
      await phot.run(phot.params.parse({}), context);
      assert.deepEqual(left, []);
      const theirs = await readAsciiHead(join(FOLDER, "image.cat"));
      const ours = await readPhotCat(join(folder, "image.phot.cat"));
      const x = theirs.column("X_IMAGE").map((value) => value - 1);
      const y = theirs.column("Y_IMAGE").map((value) => value - 1);
      const pairs = matchPixels(ours.x, ours.y, x, y, 1.5);
      assert.ok(pairs.length >= 0.85 * ours.x.length, `${pairs.length} of ${ours.x.length}`);
      assert.ok(median(pairs.map(({ distancePx }) => distancePx)) < 0.1);
      const flux = ours.table.column("FLUX_AUTO");
      const theirFlux = theirs.column("FLUX_AUTO");
      const ratio = median(pairs.map(({ i, j }) => flux[i]! / theirFlux[j]!));
      assert.ok(Math.abs(ratio - 1) < 0.05, `flux ratio ${ratio}`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
