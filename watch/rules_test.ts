/** Which names are nights, what failures mean, what became of frames. */

import assert from "node:assert/strict";
import type { Left, Manifest, Product } from "../stages/manifest.ts";
import { testProduct } from "../stages/testing.ts";
import { classify, RETRY_MINUTES, retryWaitMs } from "./failures.ts";
import { accountFrames } from "./frame_account.ts";
import { globToRegExp, NightNames } from "./night_folders.ts";
import { findShortage } from "./resources.ts";
import { watchSchema } from "./settings.ts";

Deno.test("a pattern fits whole names, and only ? and * are special", () => {
  assert.ok(globToRegExp("20??-*_gain2750").test("2024-04-23_gain2750"));
  assert.ok(!globToRegExp("20??-*_gain2750").test("2024-04-23_gain27500"));
  assert.ok(!globToRegExp("a.c").test("abc"));
  assert.ok(globToRegExp("a[b](c)+$").test("a[b](c)+$"));
});

Deno.test("nights are told by their names; tests and old ones are left alone", () => {
  const names = new NightNames(watchSchema.parse({ since: "2024-01-01" }));
  assert.deepEqual(names.parse("2024-04-23_gain2750"), { date: "2024-04-23", priority: 0 });
  assert.deepEqual(names.parse("2024-04-23_ToO_gain2750"), { date: "2024-04-23", priority: 1 });
  for (
    const name of ["2023-12-31_gain2750", "2024-04-23_test_gain2750", "2024-04-23_gain0", ".x"]
  ) assert.equal(names.parse(name), undefined, name);
});

Deno.test("failures are told apart, and each kind has its waits", () => {
  const error = { name: "X", message: "no", retryable: false, exitCode: 20 };
  assert.equal(classify(error), "data");
  assert.equal(classify({ ...error, retryable: true, exitCode: 30 }), "passing");
  assert.equal(classify({ ...error, message: "a (os error 28)", exitCode: 70 }), "place");
  assert.equal(classify({ ...error, message: '"scamp": not found on PATH' }), "settings");
  assert.equal(classify({ ...error, exitCode: 2 }), "settings");
  assert.equal(classify({ ...error, exitCode: 70 }), "defect");
  assert.equal(classify({ ...error, name: "timeout", exitCode: 143 }), "passing");
  assert.equal(retryWaitMs("passing", 1), 60_000);
  assert.equal(retryWaitMs("passing", 3), 3_600_000);
  assert.equal(retryWaitMs("passing", 4), undefined);
});

Deno.test("docs/watching.md tells the waits that there are", async () => {
  const page = await Deno.readTextFile(new URL("../docs/watching.md", import.meta.url));
  for (const [kind, minutes] of Object.entries(RETRY_MINUTES)) {
    assert.match(page, new RegExp(`\\| \`${kind}\` \\|.*\\| ${minutes.join(", ")} \\|`), kind);
  }
});

Deno.test("a frame is used, left with a reason, or unaccounted", () => {
  const raw = (id: string) =>
    testProduct({ id, kind: "raw", path: `/raw/${id}.fits`, imageType: "light" });
  const made = (id: string, kind: Product["kind"], from: string[]) =>
    testProduct({ id, kind, path: `/work/${id}.fits`, from });
  const left = (id: string, stage: string, path?: string): Left => ({
    id,
    stage,
    error: "DataError",
    message: `${stage} failed`,
    details: {},
    retryable: false,
    products: [id],
    ...(path === undefined ? {} : { path }),
  });
  const manifest: Manifest = {
    gppyManifest: 1,
    night: { unit: "7DT01", date: "2024-04-23", source: "/raw", work: "/work" },
    products: [
      ...["deep", "alone", "bad", "gone"].map(raw),
      made("c_deep", "frame", ["deep"]),
      made("c_alone", "frame", ["alone"]),
      made("stack", "stack", ["c_deep"]),
    ],
    left: [
      left("bad", "calib"),
      left("c_alone", "astrom"),
      left("cut", "ingest", "/raw/cut.fits"),
      left("deep", "ingest", "/raw/again/deep.fits"),
    ],
    stages: [],
  };
  const account = accountFrames(manifest).map(({ id, state, reached, stage }) =>
    [id, state, reached, stage].join(" ")
  );
  assert.deepEqual(account, [
    "deep used stack ",
    "alone used frame astrom",
    "bad left  calib",
    "gone unaccounted  ",
    "cut left  ingest",
    "deep (/raw/again/deep.fits) left  ingest",
  ]);
});

Deno.test("a shortage names what is short and where", () => {
  const limits = { minFreeMemoryGb: 2, minFreeDiskGb: 10 };
  const disk = new Map([["/a", 11e9], ["/b", 9e9]]);
  assert.match(findShortage({ memory: 4e9, disk }, limits) ?? "", /^disk: 9\.0 GB free in "\/b"/);
  assert.match(findShortage({ memory: 1e9, disk: new Map() }, limits) ?? "", /^memory: 1\.0 GB/);
  assert.equal(findShortage({ memory: undefined, disk: new Map() }, limits), undefined);
  // Two stages that have just begun will take 2 GB each.
  const enough = { memory: 5e9, disk: new Map() };
  assert.equal(findShortage(enough, limits, 1), undefined);
  assert.match(findShortage(enough, limits, 2) ?? "", /wanted 6 GB beside 2 stages/);
});
