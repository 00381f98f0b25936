import assert from "node:assert/strict";
import { FitsHeader } from "../../fits/header.ts";
import { setWcs, tanWcs } from "../../sky/wcs.ts";
import { firstWcs, type FrameGeometry } from "./first_wcs.ts";

const GEOMETRY: FrameGeometry = {
  ...{ width: 1024, height: 512, scaleArcsec: 0.67, rotationDeg: 180, parity: -1 },
  pointing: [240.5, 28.2],
};

function headerAt(raDeg: number, scaleArcsec = 0.67): FitsHeader {
  const header = FitsHeader.from({ OBJECT: "XO-1" });
  setWcs(header, tanWcs({ raDeg, decDeg: 28.2, scaleArcsec, width: 1024, height: 512 }));
  return header;
}

Deno.test("firstWcs() places the pointing at the middle, turned and mirrored as obs.dat says", () => {
  const first = firstWcs(FitsHeader.from({}), GEOMETRY, "auto");
  assert.equal(first?.source, "pointing");
  const wcs = first!.wcs;
  const [raDeg, decDeg] = wcs.pixelToSky(511.5, 255.5);
  assert.ok(Math.abs(raDeg - 240.5) < 1e-9 && Math.abs(decDeg - 28.2) < 1e-9);
  const { eastX, northY } = wcs.jacobian(511.5, 255.5);
  assert.ok(Math.abs(eastX + 0.67) < 1e-6, `east along x ${eastX}`); // CD1_1 < 0
  assert.ok(Math.abs(northY + 0.67) < 1e-6, `north along y ${northY}`); // CD2_2 < 0
});

Deno.test("firstWcs() takes a credible WCS of the header, unless told to point", () => {
  assert.equal(firstWcs(headerAt(240.6), GEOMETRY, "auto")?.source, "header");
  assert.equal(firstWcs(headerAt(240.6), GEOMETRY, "pointing")?.source, "pointing");
});

Deno.test("firstWcs() mistrusts a WCS of another scale, place, or marked as not solved", () => {
  assert.equal(firstWcs(headerAt(240.6, 0.9), GEOMETRY, "auto")?.source, "pointing");
  assert.equal(firstWcs(headerAt(250), GEOMETRY, "auto")?.source, "pointing");
  const unsolved = headerAt(240.6).set("PLTSOLVD", false);
  assert.equal(firstWcs(unsolved, GEOMETRY, "auto")?.source, "pointing");
  assert.equal(firstWcs(unsolved, GEOMETRY, "header")?.source, "header");
});

Deno.test("firstWcs() falls back to the target table, then to nothing", () => {
  const blind = { ...GEOMETRY, pointing: undefined };
  const header = FitsHeader.from({});
  assert.equal(firstWcs(header, { ...blind, target: [10, 20] }, "auto")?.source, "target table");
  assert.equal(firstWcs(header, blind, "auto"), undefined);
});
