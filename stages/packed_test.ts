import assert from "node:assert/strict";
import { join } from "node:path";
import { loadSite } from "../config/site.ts";
import { readImage } from "../fits/image.ts";
import { tanWcs } from "../sky/wcs.ts";
import { detect } from "./detect/mod.ts";
import { drawSky, scatterStars, writeReference, writeSky } from "./phot/_synthetic_sky.ts";
import { phot } from "./phot/mod.ts";
import { runStack } from "./stack/_run_stack.ts";
import { writeFrame } from "./stack/_synthetic_frames.ts";
import type { NewProduct } from "./stage.ts";
import { makeFixture } from "./subtract/_stage_fixture.ts";
import { subtract } from "./subtract/mod.ts";
import { testContext } from "./testing.ts";

/** Packs a file without loss and removes it. */
async function pack(path: string): Promise<string> {
  const packed = `${path}.fz`;
  const args = ["-g2", "-q", "0", "-O", packed, path];
  const { code, stderr } = await new Deno.Command("fpack", { args }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  await Deno.remove(path);
  return packed;
}

async function packAll(products: readonly NewProduct[]): Promise<NewProduct[]> {
  const packed: NewProduct[] = [];
  for (const product of products) {
    packed.push({ ...product, path: await pack(product.path) });
  }
  return packed;
}

async function withFolders(work: (plain: string, packed: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-packed-" });
  try {
    const [plain, packed] = [join(folder, "plain"), join(folder, "packed")];
    for (const each of [plain, packed]) await Deno.mkdir(each);
    await work(plain, packed);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const rotationDeg of [0, 0.4]) {
  Deno.test(`subtract of packed images is that of plain ones, reference turned by ${rotationDeg}°`, () =>
    withFolders(async (plain, packed) => {
      const made = [];
      for (const base of [plain, packed]) {
        const transients = [{ x: 200, y: 120, flux: 6000 }];
        const fixture = await makeFixture(base, { size: 500, rotationDeg, transients });
        const references = join(base, "ref_frame", "m600");
        const reference = join(references, "ref_7DT_T09614_m600_20240101.fits");
        await Deno.copyFile(
          fixture.products[1]!.path,
          reference.replace(".fits", ".mask.fits"),
        );
        let { products } = fixture;
        if (base === packed) {
          products = await packAll(products);
          for (const { name } of [...Deno.readDirSync(references)]) {
            await pack(join(references, name));
          }
        }
        const { context, left } = testContext({ ...fixture, products, stage: "subtract" });
        const flags = { engine: "native", pictures: false };
        const outcome = await subtract.run(subtract.params.parse(flags), context);
        assert.deepEqual(left, []);
        const pathOf = (kind: string) =>
          outcome.products.find((product) => product.kind === kind)!.path;
        made.push(
          await Promise.all(["difference", "mask", "reference"].map(async (kind) => {
            const { data, bitpix } = await readStored(pathOf(kind));
            return { data, bitpix };
          })),
        );
      }
      assert.deepEqual(made[1], made[0]);
    }));
}

async function readStored(path: string): Promise<{ data: Float32Array; bitpix: unknown }> {
  const { data, header } = await readImage(path);
  assert.equal(header.has("ZCMPTYPE"), false, path);
  assert.ok(header.has("SIMPLE"), `${path} is no plain image`);
  return { data, bitpix: header.number("BITPIX") };
}

Deno.test("phot and detect of packed images find what they find in plain ones", () =>
  withFolders(async (plain, packed) => {
    const size = { width: 500, height: 300 };
    const stars = scatterStars({ ...size, count: 60, minMag: 12.5, maxMag: 18, seed: 3 });
    const sky = {
      ...{ ...size, stars, fwhmPx: 3.6, zeroPointMag: 24.5, skyAdu: 300, gain: 0.8, seed: 5 },
    };
    const made = [];
    for (const base of [plain, packed]) {
      const science = drawSky({ ...sky, stars: [...stars, { x: 200.3, y: 100.4, mag: 14.5 }] });
      const reference = drawSky({ ...sky, gain: 8, seed: 9 });
      const difference = science.map((value, i) => value - reference[i]!);
      const weight = new Float32Array(science.length).fill(0.01);
      const common = { unit: "7DT07", object: "T1", filter: "m600" };
      let products: NewProduct[] = [
        { ...common, id: "s", kind: "stack", path: await writeSky(base, "s", sky, science) },
        {
          ...{ ...common, id: "s.subt", kind: "difference", of: "s" },
          path: await writeSky(base, "s.subt", sky, difference),
        },
        {
          ...{ id: "s.weight", kind: "weight", of: "s" },
          path: await writeSky(base, "s.weight", sky, weight),
        },
      ];
      if (base === packed) products = await packAll(products);
      const catalogue = join(base, "reference.csv");
      await writeReference(catalogue, sky);
      const site = await loadSite({ base, env: {} });
      const folder = join(base, "work");
      await Deno.mkdir(folder);
      const first = testContext({ products, inputs: ["stack"], site, folder });
      const measured = await phot.run(phot.params.parse({ reference: catalogue }), first.context);
      const second = testContext({
        products: [...products.filter(({ kind }) => kind !== "stack"), ...measured.products],
        ...{ inputs: ["difference"], site, folder },
      });
      await detect.run(detect.params.parse({}), second.context);
      assert.deepEqual([...first.left, ...second.left], []);
      await readStored(measured.products.find(({ kind }) => kind === "stack")!.path);
      made.push(
        await Promise.all(
          ["s.phot.cat", "s.transient.cat"].map((name) => Deno.readTextFile(join(folder, name))),
        ),
      );
    }
    assert.ok(made[0]!.every((text) => text.split("\n").length > 20));
    assert.deepEqual(made[1], made[0]);
  }));

for (const engine of ["native", "swarp"]) {
  Deno.test(`stack of packed frames is that of plain ones, by ${engine}`, () =>
    withFolders(async (plain, packed) => {
      const size = { width: 180, height: 140 };
      const made = [];
      for (const folder of [plain, packed]) {
        let products: NewProduct[] = [];
        for (let index = 0; index < 3; index++) {
          const centre = { raDeg: 120 + index * 2e-4, decDeg: -30 };
          const wcs = tanWcs({ ...centre, ...size, scaleArcsec: 0.5, rotationDeg: 0, parity: 1 });
          const stars = Array.from({ length: 30 }, (_, i) => ({
            raDeg: 120 + ((i * 37) % 100 - 50) * 2e-4,
            decDeg: -30 + ((i * 53) % 100 - 50) * 1.5e-4,
            flux: 3000 + 500 * i,
          }));
          products.push(
            ...await writeFrame({ folder, index, wcs, stars, ...size, weight: () => 0.04 }),
          );
        }
        if (folder === packed) products = await packAll(products);
        const { image, mask, weight, left } = await runStack(folder, products, { engine });
        assert.deepEqual(left, []);
        made.push([image.data, mask, weight]);
      }
      assert.deepEqual(made[1], made[0]);
    }));
}
