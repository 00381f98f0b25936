import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { withFolder } from "./_testing.ts";
import { writeRegions } from "./regions.ts";

Deno.test("writeRegions() writes circles on the sky and on pixels, counted from 1", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a.reg");
    await writeRegions(path, [
      { raDeg: 273.87, decDeg: -25.285, radiusArcsec: 3, label: "T1 {new}\n", color: "red" },
      { x: 270.9, y: 219.8, radiusPx: 8, dashed: true },
      { raDeg: NaN, decDeg: 1, radiusArcsec: 3 },
    ]);
    const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
    assert.equal(lines[0], "# Region file format: DS9 version 4.1");
    assert.deepEqual(lines.slice(2), [
      'icrs;circle(273.8700000,-25.2850000,3.000") # color=red text={T1  new  }',
      "image;circle(271.90,220.80,8.00) # dash=1",
    ]);
    assert.deepEqual(await readdir(folder), ["a.reg"]);
  }));
