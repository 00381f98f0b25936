import assert from "node:assert/strict";
import { join } from "node:path";
import { FitsHeader } from "../../../fits/header.ts";
import { writeImage } from "../../../fits/image.ts";
import { tanWcs } from "../../../sky/wcs.ts";
import { findTile, readGrid } from "./given_grid.ts";
import { chooseGrid, type GridOptions, type Placed } from "./grid.ts";

const options: GridOptions = {
  choice: "auto",
  scaleArcsec: 0,
  target: undefined,
  unit: undefined,
  object: "T1",
};

function placed(
  raDeg: number,
  decDeg: number,
  rotationDeg = 0,
  size = { width: 200, height: 100 },
): Placed {
  return { wcs: tanWcs({ raDeg, decDeg, scaleArcsec: 1, rotationDeg, ...size }), ...size };
}

Deno.test("chooseGrid() gives every night of a tile the same grid of 10200 by 6800 pixels", () => {
  const unit = {
    code: "7DT07",
    gainEAdu: 0.25,
    readNoiseE: 1.5,
    pixelScaleArcsec: 0.505,
    fieldDeg: [1.34, 0.9],
    rotationDeg: 0,
    parity: 1,
    latDeg: 0,
    lonDeg: 0,
    heightM: 0,
    saturationAdu: 60000,
    width: 9576,
    height: 6388,
  } as const;
  const target = { object: "T1", raDeg: 150, decDeg: -30 };
  const size = { width: 9576, height: 6388 };
  const frames = [placed(150.01, -30, 0, size), placed(149.98, -30.01, 3, size)];
  const grids = frames.map((frame) => chooseGrid([frame], { ...options, target, unit }));
  assert.deepEqual([grids[0]!.width, grids[0]!.height], [10200, 6800]);
  assert.deepEqual(grids[0]!.wcs.model, grids[1]!.wcs.model);
  const [x, y] = grids[0]!.wcs.skyToPixel(150, -30);
  assert.ok(Math.abs(x - 5099.5) < 1e-6 && Math.abs(y - 3399.5) < 1e-6);
});

Deno.test("chooseGrid() encloses frames across right ascension 0, north up and east left", () => {
  const frames = [placed(359.995, 10), placed(0.005, 10.002, 90)];
  const { wcs, width, height } = chooseGrid(frames, { ...options, choice: "frames" });
  assert.ok(width > 130 && width < 240 && height > 100 && height < 215, `${width}×${height}`);
  assert.ok(wcs.model.cd[0] < 0 && Math.abs(wcs.model.cd[1]) < 1e-12);
  for (const frame of frames) {
    for (const [fx, fy] of [[0, 0], [199, 0], [0, 99], [199, 99]] as const) {
      const [x, y] = wcs.skyToPixel(...frame.wcs.pixelToSky(fx, fy));
      assert.ok(x > -0.51 && x < width - 0.49 && y > -0.51 && y < height - 0.49);
    }
  }
});

Deno.test("chooseGrid() refuses frames that lie far apart, and a tile that nobody knows", () => {
  const far = [placed(10, 10), placed(60, -40)];
  assert.throws(() => chooseGrid(far, { ...options, choice: "frames" }), /Cannot stack "T1"/);
  assert.throws(
    () => chooseGrid(far, { ...options, choice: "target" }),
    /the table of tiles does not/,
  );
});

Deno.test("chooseGrid() lays a tile of any size about the pointing, or the middle of the frames", () => {
  const frames = [placed(10, -30, 20), placed(10.01, -30, 0)];
  const tile = { ...options, choice: "pointing", widthPx: 320, heightPx: 240 } as const;
  const told = chooseGrid(frames, { ...tile, pointing: { raDeg: 10.1, decDeg: -30.1 } });
  assert.deepEqual([told.width, told.height], [320, 240]);
  const [x, y] = told.wcs.skyToPixel(10.1, -30.1);
  assert.ok(Math.abs(x - 159.5) < 1e-6 && Math.abs(y - 119.5) < 1e-6);
  const [mx, my] = chooseGrid(frames, tile).wcs.skyToPixel(10.005, -30);
  assert.ok(Math.abs(mx - 159.5) < 0.01 && Math.abs(my - 119.5) < 0.01);
});

Deno.test("findTile() reads tables with blanks and with commas, by name or number", async () => {
  const folder = await Deno.makeTempDir({ prefix: "gppy-grid-" });
  try {
    const write = async (name: string, text: string) => {
      await Deno.writeTextFile(join(folder, name), text);
      return join(folder, name);
    };
    const blanks = await write("a.dat", "object ra dec\nT09614 83.5 -5\nM31 00:42:44 +41:16:09\n");
    const commas = await write("b.csv", "# tiles\ntile, ra, dec\n9614, 83.5, -5\nT00001,0,-90\n");
    for (const path of [blanks, commas]) {
      const found = await findTile(path, "T09614");
      assert.deepEqual([found?.raDeg, found?.decDeg], [83.5, -5]);
      assert.equal(await findTile(path, "T00002"), undefined);
    }
    assert.equal((await findTile(blanks, "m31"))?.raDeg.toFixed(3), "10.683");
    const wrong = await write("c.csv", "field,ra,dec\n1,2,3\n");
    await assert.rejects(findTile(wrong, "1"), /columns tile, ra and dec are wanted/);
    await assert.rejects(findTile(join(folder, "none"), "1"), /Cannot take tiles from/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readGrid() takes map and size of an image or of a text of cards", async () => {
  const folder = await Deno.makeTempDir({ prefix: "gppy-grid-" });
  try {
    const wcs = tanWcs({
      raDeg: 5,
      decDeg: 5,
      scaleArcsec: 2,
      rotationDeg: 30,
      width: 9,
      height: 7,
    });
    const header = wcs.cards();
    const image = join(folder, "a.fits");
    await writeImage(image, { width: 9, height: 7, data: new Float32Array(63), header });
    const text = join(folder, "a.head");
    const size = FitsHeader.from({ NAXIS: 2, NAXIS1: 9, NAXIS2: 7 });
    await Deno.writeTextFile(text, size.append(header.cards).toText());
    for (const path of [image, text]) {
      const grid = await readGrid(path);
      assert.deepEqual([grid.width, grid.height], [9, 7]);
      assert.deepEqual(grid.wcs.pixelToSky(2, 3), wcs.pixelToSky(2, 3));
    }
    const bare = join(folder, "b.fits");
    await writeImage(bare, { width: 9, height: 7, data: new Float32Array(63) });
    await assert.rejects(readGrid(bare), /it has no WCS/);
    await assert.rejects(readGrid(join(folder, "c")), /Cannot take the grid of/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
