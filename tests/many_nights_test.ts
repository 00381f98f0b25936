/** Several nights given to one command. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { readHeader } from "../fits/file.ts";
import { tanWcs } from "../sky/wcs.ts";
import { type Manifest, MANIFEST_VERSION } from "../stages/manifest.ts";
import { readManifest, writeManifest } from "../stages/manifest_file.ts";
import { writeFrame } from "../stages/stack/_synthetic_frames.ts";
import { testProduct } from "../stages/testing.ts";
import { runGppy } from "./run_program.ts";

const SIZE = { width: 120, height: 100 };

/** One frame of a night, and its manifest. */
async function makeNight(folder: string, index: number, date: string): Promise<string> {
  const wcs = tanWcs({ raDeg: 30, decDeg: 10, scaleArcsec: 1, rotationDeg: index, ...SIZE });
  const frames = await writeFrame({
    ...{ folder, index, wcs, stars: [], mjd: 60420.2 + index, ...SIZE },
  });
  const manifest: Manifest = {
    gppyManifest: MANIFEST_VERSION,
    night: { unit: "7DT07", date, source: folder, work: join(folder, date) },
    products: frames.map(testProduct),
    left: [],
    stages: [],
  };
  const path = join(folder, `${date}.json`);
  await writeManifest(path, manifest);
  return path;
}

Deno.test("gppy stack takes the manifests of several nights together, gppy phot takes one", async () => {
  const folder = await Deno.makeTempDir({ prefix: "gppy-nights-" });
  try {
    const nights = [
      await makeNight(folder, 0, "2024-04-20"),
      await makeNight(folder, 1, "2024-04-21"),
      await makeNight(folder, 2, "2024-04-22"),
    ];
    const shared = ["--base", join(folder, "base"), "-q"];
    const output = join(folder, "stack.json");
    const stack = ["stack", ...nights, "--gap-s", "none", "-o", output, ...shared];
    const ended = await runGppy(stack);
    assert.equal(ended.code, 0, ended.stderr);
    const made = (await readManifest(output)).products.filter(({ kind }) => kind === "stack");
    assert.equal(made.length, 1);
    assert.ok(made[0]!.path.startsWith(join(folder, "base", "work", "nights", "stack")));
    const header = await readHeader(made[0]!.path);
    assert.equal(header.number("NCOMBINE"), 3);
    assert.ok(header.requireNumber("MJD-END") - header.requireNumber("MJD-BEG") > 2);

    const refused = await runGppy(["phot", ...nights, ...shared]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /take one manifest, or frames, not several of them together/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
