import assert from "node:assert/strict";
import { tanWcs } from "../../sky/wcs.ts";
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
  assert.throws(() => chooseGrid(far, { ...options, choice: "target" }), /alltarget.dat does not/);
});
