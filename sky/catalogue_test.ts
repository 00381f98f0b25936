import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "../config/errors.ts";
import { DATA, testWithData, withFolder } from "./_testing.ts";
import { readAsciiHead, readPhotCat, readReferenceCsv, writeAsciiTable } from "./catalogue.ts";

const CSV = `source_id,ra,dec,mag_m600,err_m600,mag_g
123456789012345678,10.5,-20.25,15.125,0.003,16
2,11.5,-20.5,,,15
3,12.5,-20.75,16.5,,14

`;

Deno.test("readReferenceCsv() leaves out stars without a magnitude, and keeps long ids whole", () =>
  withFolder(async (folder) => {
    const path = join(folder, "ref.csv");
    await writeFile(path, CSV);
    const stars = await readReferenceCsv(path, "m600");
    assert.deepEqual(stars.map(({ id }) => id), ["123456789012345678", "3"]);
    assert.deepEqual(stars[0], {
      id: "123456789012345678",
      raDeg: 10.5,
      decDeg: -20.25,
      mag: 15.125,
      magError: 0.003,
    });
    assert.ok(Number.isNaN(stars[1]!.magError));
  }));

Deno.test("readReferenceCsv() names the filters there are when the wanted one is missing", () =>
  withFolder(async (folder) => {
    const path = join(folder, "ref.csv");
    await writeFile(path, CSV);
    await assert.rejects(
      readReferenceCsv(path, "m650"),
      (error) =>
        error instanceof DataError && error.message.includes("mag_m650") &&
        error.message.includes("m600, g"),
    );
    await assert.rejects(readReferenceCsv(join(folder, "none.csv"), "g"), DataError);
  }));

Deno.test("writeAsciiTable() and readAsciiHead() keep names, units, numbers and text", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a.cat");
    await writeAsciiTable(path, [
      { name: "NUMBER", values: [1, 2], comment: "Running object number" },
      { name: "X_IMAGE", unit: "pixel", values: Float64Array.of(1.23456, -7), digits: 4 },
      { name: "MAG_AUTO", unit: "mag", values: [NaN, 20.5] },
      { name: "NOTE", values: ["two words", ""] },
    ]);
    const table = await readAsciiHead(path);
    assert.deepEqual(table.names, ["NUMBER", "X_IMAGE", "MAG_AUTO", "NOTE"]);
    assert.deepEqual(table.units, { X_IMAGE: "pixel", MAG_AUTO: "mag" });
    assert.deepEqual([...table.column("X_IMAGE")], [1.2346, -7]);
    assert.deepEqual([...table.column("MAG_AUTO")], [NaN, 20.5]);
    assert.deepEqual(table.text("NOTE"), ["two_words", "-"]);
    assert.deepEqual(await readdir(folder), ["a.cat"]);
    assert.throws(() => table.column("FLUX"), DataError);
  }));

Deno.test("readAsciiHead() takes columns of several values apart", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a.cat");
    const head = "#   1 NUMBER  Running object number\n#   2 MAG_APER  Magnitudes  [mag]\n" +
      "#   5 FLAGS  Flags\n#   6 VIGNET  Pixels  [count]\n";
    await writeFile(path, head + "  1  20.1 20.2 20.3  4  7 8\n");
    const table = await readAsciiHead(path);
    assert.deepEqual(table.names, [
      "NUMBER",
      "MAG_APER",
      "MAG_APER_1",
      "MAG_APER_2",
      "FLAGS",
      "VIGNET",
      "VIGNET_1",
    ]);
    assert.deepEqual([table.column("MAG_APER_2")[0], table.column("FLAGS")[0]], [20.3, 4]);
  }));

Deno.test("readAsciiHead() refuses a line cut short and a file without names", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a.cat");
    await writeFile(path, "# 1 A\n# 2 B\n1 2\n3\n");
    await assert.rejects(readAsciiHead(path), /row 2 has 1 of 2 values/);
    await writeFile(path, "1 2\n");
    await assert.rejects(readAsciiHead(path), /no column names/);
  }));

Deno.test("a table without rows keeps its columns", () =>
  withFolder(async (folder) => {
    const path = join(folder, "a.cat");
    const columns = ["X_IMAGE", "Y_IMAGE", "ALPHA_J2000", "DELTA_J2000"];
    await writeAsciiTable(path, columns.map((name) => ({ name, values: [] })));
    const { table, x } = await readPhotCat(path);
    assert.deepEqual([table.rows, x.length, table.names], [0, 0, columns]);
  }));

testWithData("readAsciiHead() reads Source Extractor's own catalogue of sep-image", async () => {
  const table = await readAsciiHead(join(DATA, "sep-image/image.cat"));
  assert.ok(table.rows > 50 && table.has("X_IMAGE"));
  assert.ok(table.column("X_IMAGE").every((x) => x > 0 && x < 257));
});
