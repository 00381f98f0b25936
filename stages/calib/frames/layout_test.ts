import assert from "node:assert/strict";
import { FitsHeader } from "../../../fits/header.ts";
import { layoutGain, layoutOf } from "./layout.ts";
import { fits, overlap, parseSection } from "./section.ts";

function image(cards: Record<string, string | number> = {}): FitsHeader {
  return FitsHeader.from({ NAXIS1: 110, NAXIS2: 50, ...cards });
}

function layout(cards: Record<string, string | number>) {
  const header = image(cards);
  return layoutOf(header, [header]);
}

Deno.test("parseSection() reads blanks and reversed axes, and nothing else", () => {
  assert.deepEqual(parseSection("[1025:2048,3072:2049]"), {
    ...{ x: 1024, y: 2048, width: 1024, height: 1024, flipX: false, flipY: true },
  });
  for (const text of ["", "UNKNOWN", "[0:5,1:5]", "[1:5]", "[1:5,1:5,1:2]"]) {
    assert.equal(parseSection(text), undefined, text);
  }
});

Deno.test("regions fit and overlap to the pixel", () => {
  const [a, b] = [parseSection("[1:10,1:50]")!, parseSection("[11:110,1:50]")!];
  assert.ok(fits(b, { width: 110, height: 50 }) && !fits(b, { width: 109, height: 50 }));
  assert.ok(!overlap(a, b) && overlap(a, parseSection("[10:12,50:50]")!));
});

Deno.test("layoutOf() takes an image without regions as it is", () => {
  const { plain, width, height, stale } = layout({});
  assert.deepEqual([plain, width, height, stale], [true, 110, 50, []]);
  assert.ok(layout({ TRIMSEC: "[1:110,1:50]" }).plain);
});

Deno.test("layoutOf() obeys regions that fit, TRIMSEC before DATASEC", () => {
  const { plain, width, amplifiers } = layout({
    BIASSEC: "[1:10,1:50]",
    TRIMSEC: "[11:110,1:50]",
    DATASEC: "[12:110,1:50]",
  });
  assert.deepEqual([plain, width, amplifiers[0]?.data.x], [false, 100, 10]);
  assert.equal(amplifiers[0]?.overscan?.width, 10);
});

Deno.test("layoutOf() reports regions that do not fit, or an overscan inside the data", () => {
  assert.deepEqual(layout({ TRIMSEC: "[11:120,1:50]", BIASSEC: "[1:10,1:50]" }), {
    ...layout({}),
    stale: ["TRIMSEC=[11:120,1:50]", "BIASSEC=[1:10,1:50]"],
  });
  const inside = layout({ TRIMSEC: "[1:110,1:50]", BIASSEC: "[1:10,1:50]" });
  assert.deepEqual([inside.plain, inside.stale], [true, ["BIASSEC=[1:10,1:50]"]]);
});

Deno.test("layoutOf() falls back to the cards when ccd.dat does not fit", () => {
  const header = image({ TRIMSEC: "[11:110,1:50]" });
  const found = layoutOf(header, [header], { trim: "[11:220,1:100]" });
  assert.deepEqual([found.width, found.stale], [100, ["trim=[11:220,1:100]"]]);
});

Deno.test("layoutOf() places binned amplifiers, and takes detectors apart as separate", () => {
  const amplifier = (detsec: string, gain: number) =>
    image({ DETSEC: detsec, DATASEC: "[1:100,1:50]", GAIN: gain });
  const two = [amplifier("[1:200,1:100]", 2), amplifier("[400:201,1:100]", 4)];
  const found = layoutOf(image(), two);
  assert.deepEqual([found.width, found.height, layoutGain(found)], [200, 50, 3]);
  assert.deepEqual(
    found.amplifiers.map(({ x, y, flipX, flipY }) => [x, y, flipX, flipY]),
    [[0, 0, false, false], [100, 0, true, false]],
  );
  const far = [amplifier("[1:200,1:100]", 2), amplifier("[900:1099,1:100]", 2)];
  assert.equal(layoutOf(image(), far).amplifiers.length, 1);
});
