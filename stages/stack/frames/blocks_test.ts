import assert from "node:assert/strict";
import { join } from "node:path";
import type { Product } from "../../manifest.ts";
import { testProduct } from "../../testing.ts";
import { listedBlocks, timeBlocks } from "./blocks.ts";
import { isListed, readList, readSkipped, SKIP_FILE } from "./frame_lists.ts";

function frame(id: string, second: number, more: Partial<Product> = {}): Product {
  return {
    ...testProduct({ id, kind: "frame", path: `/night/${id}.fits` }),
    ...{ unit: "7DT07", object: "T1", filter: "r", binning: "1x1", exposureS: 60 },
    ...{ mjd: 60000 + second / 86400, dateObs: "2023-02-25T00:00:00" },
    ...more,
  };
}

const ids = (frames: readonly Product[]) => frames.map(({ id }) => id);

Deno.test("timeBlocks() splits by object, filter, binning, telescope and pauses", () => {
  const frames = [
    frame("late", 500),
    frame("first", 0),
    frame("second", 70),
    frame("green", 80, { filter: "g" }),
    frame("binned", 90, { binning: "2x2" }),
    frame("other", 75, { unit: "7DT08" }),
  ];
  const blocks = timeBlocks(frames, 300);
  assert.deepEqual(blocks.map((block) => ids(block.frames)), [
    ...[["first", "second"], ["other"], ["green"], ["binned"], ["late"]],
  ]);
  const together = timeBlocks(frames, 300, true);
  assert.deepEqual(ids(together[0]!.frames), ["first", "second", "other"]);
});

Deno.test("timeBlocks() splits nowhere without a largest pause, over nights and telescopes", () => {
  const frames = [frame("a", 0), frame("b", 86400), frame("c", 9e6, { unit: "7DT11" })];
  assert.deepEqual(timeBlocks(frames, null).map((block) => ids(block.frames)), [["a", "b"], ["c"]]);
  const [block, ...others] = timeBlocks(frames, null, true);
  assert.deepEqual([ids(block!.frames), others.length], [["a", "b", "c"], 0]);
});

Deno.test("a stack goes by the mean time and the summed exposure of its frames", () => {
  const [block] = timeBlocks([frame("a", 10), frame("b", 110)], 300);
  assert.equal(block!.id, "calib_7DT07_T1_20230225_000100_r_120.com");
});

Deno.test("lists name frames by path, file or id, and what is not there is an error", async () => {
  const folder = await Deno.makeTempDir({ prefix: "gppy-lists-" });
  try {
    const path = join(folder, "a.txt");
    const write = (text: string) => Deno.writeTextFile(path, text);
    const frames = [frame("a", 0), frame("b", 5e6), frame("c", 70), frame("g", 5, { filter: "g" })];
    await write("# best seeing\nfile\n/night/b.fits  1.2\n\nc # good\n");
    const [block] = listedBlocks(frames, [await readList(path)]);
    assert.deepEqual(ids(block!.frames), ["c", "b"]);
    await write("a.fits\nnone.fits\n");
    const wrong = await readList(path);
    assert.throws(() => listedBlocks(frames, [wrong]), /no frame "none.fits" among 4/);
    await write("a\ng\n");
    const mixed = await readList(path);
    assert.throws(() => listedBlocks(frames, [mixed]), /its filters are r, g/);
    await assert.rejects(readList(join(folder, "none")), /Cannot read the list/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the skip list is that given, or object_to_skip_stacking.txt of the site", async () => {
  const folder = await Deno.makeTempDir({ prefix: "gppy-skip-" });
  try {
    assert.deepEqual((await readSkipped(null, folder)).names, []);
    await Deno.writeTextFile(join(folder, SKIP_FILE), 'object\nt1\n"43 Bet Com"\n');
    const own = await readSkipped(null, folder);
    assert.deepEqual(own.names, ["t1", "43 Bet Com"]);
    assert.ok(isListed(own, frame("a", 0)));
    assert.ok(isListed(own, frame("a", 0, { object: "43 Bet Com" })));
    assert.ok(!isListed(own, frame("a", 0, { object: "T11" })));
    await Deno.writeTextFile(join(folder, "bad.txt"), "a.fits trailed\n");
    const given = await readSkipped(join(folder, "bad.txt"), folder);
    assert.deepEqual([frame("a", 0), frame("b", 0)].map((one) => isListed(given, one)), [
      ...[true, false],
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
