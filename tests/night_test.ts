/**
 * A simulated night of 2048×2048 pixels, from raw frames to the curated tree, held against the truth.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { EXPECTED_SNR, scoreNight } from "../scripts/score_night.ts";
import { readAsciiHead } from "../sky/catalogue.ts";
import { crossMatch } from "../sky/match.ts";
import { median, percentile } from "../sky/stats.ts";
import type { Manifest, Product } from "../stages/manifest.ts";
import { readManifest } from "../stages/manifest_file.ts";
import { fitsverify, runGppy } from "./run_program.ts";

type Row = Readonly<Record<string, string>>;

async function readCsv(path: string): Promise<Row[]> {
  return parse(await Deno.readTextFile(path), { columns: true }) as Row[];
}

/** Ids of everything that a product was made of, itself included. */
function ancestors(manifest: Manifest, id: string, seen = new Set<string>()): Set<string> {
  if (seen.has(id)) return seen;
  seen.add(id);
  for (const product of manifest.products.filter((candidate) => candidate.id === id)) {
    for (const parent of product.from) ancestors(manifest, parent, seen);
  }
  return seen;
}

function productsOf(manifest: Manifest, kind: string): Product[] {
  return manifest.products.filter((product) => product.kind === kind);
}

Deno.test("A simulated night goes from raw frames to transients", async (t) => {
  const folder = await Deno.makeTempDir();
  const night = join(folder, "night.json");
  const run = ["run", "7DT07", "2024-04-23", "--config", join(folder, "site"), "-o", night, "-q"];
  try {
    const simulated = await runGppy(["simulate", "--out", folder, "--truncated", "1"]);
    assert.equal(simulated.code, 0, simulated.stderr);
    const ended = await runGppy(run);
    assert.equal(ended.code, 10, ended.stderr);
    const manifest = await readManifest(night);
    await checkNight(t, folder, manifest);
    await t.step("the same command again does nothing and says the same", async () => {
      const again = await runGppy(run);
      assert.equal(again.code, 10, again.stderr);
      assert.equal((again.stderr.match(/done before/g) ?? []).length, 8);
      assert.deepEqual(await readManifest(night), manifest);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function checkNight(t: Deno.TestContext, folder: string, manifest: Manifest): Promise<void> {
  const frames = await readCsv(join(folder, "frames.csv"));
  await t.step("every raw frame is in a product or has a reason", () => {
    const used = new Set(
      [...productsOf(manifest, "stack"), ...productsOf(manifest, "master")]
        .flatMap((product) => [...ancestors(manifest, product.id)]),
    );
    const reasoned = new Set(manifest.left.map((left) => left.id));
    for (const { file = "" } of frames) {
      const id = file.replace(/\.fits$/, "");
      assert.ok(used.has(id) !== reasoned.has(id), `${id} is accounted for exactly once`);
    }
    assert.equal(reasoned.size, 1, "only the truncated frame was left behind");
  });
  await t.step("positions agree with the truth within 0.1″", async () => {
    const stars = (await readCsv(join(folder, "truth.csv"))).filter((row) => row.kind === "star");
    const truth = {
      raDeg: stars.map((s) => Number(s.ra)),
      decDeg: stars.map((s) => Number(s.dec)),
    };
    const catalogues = productsOf(manifest, "catalogue").filter((product) =>
      product.path.endsWith(".phot.cat")
    );
    assert.ok(catalogues.length >= 7);
    for (const { id, path } of catalogues) {
      const table = await readAsciiHead(path);
      const bright = Array.from(table.column("MAGERR_AUTO"), (error) => error < 0.02);
      const pick = (name: string) => Array.from(table.column(name)).filter((_, i) => bright[i]);
      const found = { raDeg: pick("ALPHA_J2000"), decDeg: pick("DELTA_J2000") };
      const offsets = crossMatch(found, truth, 1).map((match) => match.distanceArcsec);
      assert.ok(offsets.length >= 40, `${id}: ${offsets.length} bright stars matched`);
      assert.ok(median(offsets) < 0.05, `${id}: median offset ${median(offsets)}″`);
      assert.ok(percentile(offsets, 90) < 0.1, `${id}: 90 % within ${percentile(offsets, 90)}″`);
    }
  });
  await t.step("zero points agree with the truth within 0.02 mag", () => {
    const images = productsOf(manifest, "frame");
    assert.equal(images.length, 6);
    for (const image of images) {
      const raw = frames.find((row) =>
        ancestors(manifest, image.id).has((row.file ?? "").replace(/\.fits$/, "")) &&
        row.image_type === "light"
      );
      const difference = Number(image.measured.zeroPoint) - Number(raw?.zero_point);
      assert.ok(Math.abs(difference) < 0.02, `${image.id}: off by ${difference} mag`);
    }
  });
  await t.step(`at least 90 % of the transients with S/N ≥ ${EXPECTED_SNR} are found`, async () => {
    const scores = await scoreNight(manifest, folder);
    assert.equal(scores.length, 2);
    for (const score of scores) {
      assert.ok(score.expected >= 10, `${score.filter}: ${score.expected} are enough to judge by`);
      assert.ok(score.found >= 0.9 * score.expected, JSON.stringify(score));
      assert.ok(score.falseOnes <= 5, JSON.stringify(score));
      assert.ok(score.foundFaded >= 0.5 * score.faded, JSON.stringify(score));
      assert.ok(score.offsetArcsec < 0.2, JSON.stringify(score));
    }
  });
  await t.step("every FITS file written passes fitsverify", async () => {
    for (const { path, stage } of manifest.products) {
      if (stage === "ingest" || !path.endsWith(".fits")) continue;
      assert.equal(await fitsverify(path), "", path);
    }
  });
}
