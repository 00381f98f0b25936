import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { DataError } from "../config/errors.ts";
import { type Manifest, MANIFEST_VERSION } from "./manifest.ts";
import {
  digestFile,
  encodeManifest,
  parseManifest,
  readManifest,
  writeManifest,
} from "./manifest_file.ts";
import { testProduct } from "./testing.ts";

function night(folder: string): Manifest {
  return {
    gppyManifest: MANIFEST_VERSION,
    night: { unit: "7DT07", date: "2024-04-23", source: `${folder}/raw`, work: `${folder}/work` },
    products: [testProduct({ id: "a", kind: "frame", path: `${folder}/work/calib/a.fits` })],
    left: [],
    stages: [],
  };
}

Deno.test("writeManifest() then readManifest() gives the same manifest", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "deep", "night.json");
    await writeManifest(path, night(folder));
    assert.deepEqual(await readManifest(path), night(folder));
    const names = [...Deno.readDirSync(join(folder, "deep"))].map((entry) => entry.name);
    assert.deepEqual(names, ["night.json"], "no temporary file remains");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("A manifest moved together with its products still finds them", () => {
  const text = encodeManifest(night("/data/one"), "/data/one/work");
  assert.equal(JSON.parse(text).products[0].path, "calib/a.fits");
  const moved = parseManifest(text, { where: "x", folder: "/data/two/work" });
  assert.equal(moved.products[0]?.path, "/data/two/work/calib/a.fits");
});

Deno.test("encodeManifest() keeps paths absolute for a pipe", () => {
  const piped = JSON.parse(encodeManifest(night("/data/one"), null));
  assert.equal(piped.products[0].path, "/data/one/work/calib/a.fits");
});

Deno.test("Unknown keys survive a round trip at every level", () => {
  fc.assert(fc.property(fc.jsonValue(), (extra) => {
    const base = JSON.parse(encodeManifest(night("/d"), null));
    base.future = extra;
    base.night.future = extra;
    base.products[0].future = extra;
    const read = parseManifest(JSON.stringify(base), { where: "x", folder: "/d" });
    const again = JSON.parse(encodeManifest(read, null));
    const plain = JSON.parse(JSON.stringify(extra));
    assert.deepEqual(again.future, plain);
    assert.deepEqual(again.night.future, plain);
    assert.deepEqual(again.products[0].future, plain);
  }));
});

Deno.test("parseManifest() names the file and the field that is wrong", () => {
  const where = { where: "night.json", folder: "/" };
  const bad = JSON.parse(encodeManifest(night("/d"), null));
  bad.products[0].kind = "painting";
  const cases: [string, RegExp][] = [
    ["", /night\.json": it is empty/],
    ["{", /night\.json/],
    ["{}", /gppyManifest is absent/],
    ['{"gppyManifest": 99}', /gppyManifest is 99, this program reads 1/],
    [JSON.stringify(bad), /products\[0\]\.kind/],
  ];
  for (const [text, message] of cases) {
    assert.throws(
      () => parseManifest(text, where),
      (error) => error instanceof DataError && message.test(error.message),
      text,
    );
  }
});

Deno.test("writeManifest() into a folder that cannot be made is a DataError", async () => {
  await assert.rejects(writeManifest("/proc/none/night.json", night("/d")), DataError);
});

Deno.test("digestFile() agrees with sha256sum", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, new Uint8Array(5_000_001).map((_, index) => index % 251));
    const { stdout } = await new Deno.Command("sha256sum", { args: [path] }).output();
    const expected = new TextDecoder().decode(stdout).slice(0, 64);
    assert.deepEqual(await digestFile(path), { bytes: 5_000_001, sha256: expected });
  } finally {
    await Deno.remove(path);
  }
});
