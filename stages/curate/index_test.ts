import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parse } from "csv-parse/sync";
import { digestFile } from "../manifest_file.ts";
import { withNight } from "./_small_night.ts";
import { COLUMN_NAMES, describeColumns, mediaType, passBandM } from "./obscore.ts";
import { TreeIndex } from "./tree_index.ts";

Deno.test("the index has a row a product, with what ObsCore asks for", () =>
  withNight(async ({ tree, curate, work }) => {
    const { manifest } = await curate();
    using index = new TreeIndex(tree, { readOnly: true });
    const rows = index.rows();
    const inTree = manifest.products.filter(({ path }) => path.startsWith(tree));
    assert.deepEqual(
      rows.map((row) => [row.product_id, join(tree, String(row.access_url)), row.sha256]).sort(),
      inTree.map(({ id, path, sha256 }) => [id, path, sha256]).sort(),
    );
    const stack = rows.find((row) => row.product_id === "s1")!;
    // 60 by 40 pixels of 36″ about (150°, -30°): 0.6° by 0.4°, diagonal 0.7211°.
    assert.ok(
      Math.abs(Number(stack.s_ra) - 150) < 1e-6 && Math.abs(Number(stack.s_dec) + 30) < 1e-6,
    );
    assert.ok(Math.abs(Number(stack.s_fov) - 0.7211) < 1e-3, `${stack.s_fov}`);
    assert.match(String(stack.s_region), /^POLYGON ICRS( -?\d+\.\d{6}){8}$/);
    assert.deepEqual(
      [stack.t_min, stack.t_max, stack.t_exptime, stack.frames],
      [60423.25, 60423.25115741, 100, 1],
    );
    assert.deepEqual([stack.em_min, stack.em_max, stack.em_filter], [5.875e-7, 6.125e-7, "m600"]);
    assert.deepEqual([stack.calib_level, stack.dataproduct_type], [3, "image"]);
    assert.deepEqual([stack.facility_name, stack.instrument_name], ["7DT07", "C3"]);
    assert.deepEqual([stack.gates, stack.manifest], ["degraded", join(work, "03-curate.json")]);
    const frame = rows.find((row) => row.product_id === "f1")!;
    assert.deepEqual(
      [frame.seeing, frame.depth, frame.zero_point, frame.calib_level, frame.made_by],
      [2.5, 19.5, 25.5, 2, "phot"],
    );
    // A companion belongs to the observation of its image and lies where that lies.
    const catalogue = rows.find((row) => row.product_id === "f1.cat")!;
    assert.deepEqual(
      [catalogue.obs_id, catalogue.s_ra, catalogue.calib_level, catalogue.dataproduct_type],
      ["f1", frame.s_ra, 4, "measurements"],
    );
  }));

Deno.test("index.csv holds the same rows, and survives commas and quotes", () =>
  withNight(async ({ tree, curate }) => {
    await curate();
    using index = new TreeIndex(tree);
    const [row] = index.rows();
    index.put([{ ...row!, access_url: "odd", target_name: 'A "B", C\nD' }]);
    index.exportCsv();
    const rows: Record<string, string>[] = parse(
      await Deno.readTextFile(join(tree, "index.csv")),
      { columns: true },
    );
    assert.deepEqual(
      rows,
      index.rows().map((row) =>
        Object.fromEntries(COLUMN_NAMES.map((name) => [name, `${row[name] ?? ""}`]))
      ),
    );
  }));

Deno.test("a product that was made again has a row a version, and the view shows the last", () =>
  withNight(async ({ tree, curate, manifest, work }) => {
    await curate();
    const path = join(work, "phot", "f1.phot.cat");
    // As every stage writes: beside and renamed, since the tree's file is the same one.
    await Deno.writeTextFile(`${path}.part`, "# 1 NUMBER\n1\n2\n");
    await Deno.rename(`${path}.part`, path);
    const changed = manifest.products.find(({ id }) => id === "f1.cat")!;
    Object.assign(changed, await digestFile(path));
    await curate();
    using index = new TreeIndex(tree, { readOnly: true });
    const versions = index.rows().filter((row) => row.product_id === "f1.cat")
      .map((row) => [row.version, row.access_url]);
    assert.deepEqual(versions, [
      [1, "T09614/7DT07/m600/phot/f1.phot.cat"],
      [2, "T09614/7DT07/m600/phot/f1.phot.v2.cat"],
    ]);
    using database = new DatabaseSync(join(tree, "index.sqlite"), { readOnly: true });
    const latest = database.prepare("SELECT version FROM latest WHERE product_id = 'f1.cat'").all();
    assert.deepEqual(latest.map((row) => row["version"]), [2]);
  }));

Deno.test("curate again leaves one row a file", () =>
  withNight(async ({ tree, curate }) => {
    await curate();
    using index = new TreeIndex(tree, { readOnly: true });
    const count = index.rows().length;
    await curate({}, true);
    assert.equal(index.rows().length, count);
  }));

Deno.test("filters have the wavelengths of their bands, unknown ones none", () => {
  assert.deepEqual(passBandM("m400"), [3.875e-7, 4.125e-7]);
  assert.deepEqual(passBandM("r"), [5.57e-7, 6.952e-7]);
  assert.equal(passBandM("open"), undefined);
  assert.equal(mediaType("/a/b.fits.fz"), "image/fits");
  assert.equal(mediaType("/a/b.phot.cat"), "text/plain");
});

Deno.test("every column of the index is described", () => {
  for (const [name, { about }] of Object.entries(describeColumns())) {
    assert.ok(about.length > 2, name);
  }
});

Deno.test("docs/processed_tree.md lists every column with its meaning", async () => {
  const page = join(import.meta.dirname ?? ".", "..", "..", "docs", "processed_tree.md");
  const text = await Deno.readTextFile(page);
  for (const [name, { type, about }] of Object.entries(describeColumns())) {
    assert.ok(text.includes(`| \`${name}\` | ${type} | ${about} |`), name);
  }
});
