import assert from "node:assert/strict";
import { join } from "node:path";
import { readImage } from "../fits/image.ts";
import { writeFile } from "node:fs/promises";
import { DATA, normalDeviates, testWithData, withFolder } from "./_testing.ts";
import { backgroundMesh } from "./background.ts";
import { SplineSurface } from "./_spline_surface.ts";

/** Lets Source Extractor write its background and its noise of an image. */
async function sourceExtractor(image: string, folder: string, meshPx: number, filter: number) {
  await writeFile(join(folder, "d.param"), "NUMBER\n");
  await writeFile(join(folder, "d.conv"), "CONV NORM\n1 2 1\n2 4 2\n1 2 1\n");
  const settings = {
    PARAMETERS_NAME: join(folder, "d.param"),
    FILTER_NAME: join(folder, "d.conv"),
    CATALOG_NAME: join(folder, "d.cat"),
    CHECKIMAGE_TYPE: "BACKGROUND,BACKGROUND_RMS",
    CHECKIMAGE_NAME: `${join(folder, "level.fits")},${join(folder, "sigma.fits")}`,
    BACK_SIZE: String(meshPx),
    BACK_FILTERSIZE: String(filter),
    VERBOSE_TYPE: "QUIET",
  };
  const args = [
    image,
    "-c",
    "/dev/null",
    ...Object.entries(settings).flatMap(([k, v]) => [`-${k}`, v]),
  ];
  const { success } = await new Deno.Command("source-extractor", { args }).output();
  assert.ok(success);
  return {
    level: (await readImage(join(folder, "level.fits"))).data,
    sigma: (await readImage(join(folder, "sigma.fits"))).data,
  };
}

const CASES = [
  ["sep-image/image.fits", 64, 3],
  ["sep-image/image.fits", 32, 5],
  ["saao-kb13475/Images/AKB13475I0102.fits", 64, 3],
  ["arcsat-20250602-xo1b/XO1-b_z_20250602_041008.fits", 100, 3],
] as const;

for (const [file, meshPx, filter] of CASES) {
  const name = `backgroundMesh() agrees with Source Extractor on ${file}, mesh ${meshPx}`;
  testWithData(name, () =>
    withFolder(async (folder) => {
      const path = join(DATA, file);
      const { data, width, height } = await readImage(path);
      const theirs = await sourceExtractor(path, folder, meshPx, filter);
      const ours = backgroundMesh(data, width, height, { meshPx, filter });
      let [worst, worstSigma] = [0, 0];
      for (let y = 0; y < height; y++) {
        const [level, sigma] = [ours.levelRow(y), ours.sigmaRow(y)];
        for (let x = 0; x < width; x++) {
          worst = Math.max(worst, Math.abs(level[x]! - theirs.level[y * width + x]!));
          worstSigma = Math.max(worstSigma, Math.abs(sigma[x]! / theirs.sigma[y * width + x]! - 1));
        }
      }
      console.log(worst / ours.globalSigma, worstSigma); // deno-lint-ignore no-console
      assert.ok(worst < 0.03 * ours.globalSigma, `${worst} ADU, sigma ${ours.globalSigma}`);
      assert.ok(worstSigma < 0.02, `${worstSigma}`);
    }));
}
