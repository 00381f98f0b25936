import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { DataError } from "../config/errors.ts";
import { askPython, assertVerified, HAS_ASTROPY, withFolder } from "./_testing.ts";
import { FitsHeader } from "./header.ts";
import { type ColumnSpec, readTable, readTables, writeTables } from "./table.ts";

/** One column of every type that can be written, three rows. */
const COLUMNS: readonly ColumnSpec[] = [
  {
    name: "D",
    data: [1.5, NaN, -2e-300],
    unit: "deg",
    comment: "right ascension",
    display: "F10.4",
  },
  { name: "E", data: Float32Array.of(1.5, NaN, 3) },
  { name: "J", data: Int32Array.of(-2147483648, 0, 2147483647) },
  { name: "UJ", data: Uint32Array.of(0, 7, 4294967295) },
  { name: "I", data: Int16Array.of(-32768, 0, 32767) },
  { name: "UI", data: Uint16Array.of(0, 7, 65535) },
  { name: "B", data: Uint8Array.of(0, 7, 255) },
  { name: "K", data: [-9223372036854775808n, 0n, 9223372036854775807n] },
  { name: "L", data: [true, false, true] },
  { name: "A", data: ["one", "", "three 3"] },
  { name: "W", data: ["a", "b", "c"], format: "12A" },
  { name: "BLANK", data: [1, NaN, 3], format: "1J" },
  { name: "VECTOR", data: Float64Array.of(1, 2, 3, 4, 5, 6), format: "2D" },
  {
    name: "GRID",
    data: Float32Array.from({ length: 12 }, (_, i) => i),
    format: "4E",
    shape: [2, 2],
  },
  { name: "COMPLEX", data: [1, -1, 2, -2, 3, -3], format: "1C" },
];

Deno.test("a table with every type of column passes fitsverify and comes back", () =>
  withFolder(async (folder) => {
    const path = join(folder, "table.fits");
    const header = FitsHeader.from({ FILTER: "m600" }).addHistory("measured");
    const tables = [{ name: "FIRST", columns: COLUMNS, header }, { name: "SECOND", columns: [] }];
    await writeTables(path, tables, FitsHeader.from({ OBJECT: "T09614" }));
    await assertVerified(path);
    const table = await readTable(path, "first");
    assert.equal(table.rows, 3);
    assert.equal(table.header.text("FILTER"), "m600");
    assert.deepEqual(table.columns.map(({ name }) => name), COLUMNS.map(({ name }) => name));
    assert.deepEqual([...table.column("D")], [1.5, NaN, -2e-300]);
    assert.deepEqual([...table.column("uj")], [0, 7, 4294967295]);
    assert.deepEqual([...table.column("UI")], [0, 7, 65535]);
    assert.deepEqual([...table.column("L")], [1, 0, 1]);
    assert.deepEqual([...table.bigints("K")], COLUMNS[7]!.data);
    assert.deepEqual(table.text("K"), ["-9223372036854775808", "0", "9223372036854775807"]);
    assert.deepEqual(table.text("A"), ["one", "", "three 3"]);
    assert.deepEqual(table.text("W"), ["a", "b", "c"]);
    assert.deepEqual([...table.column("BLANK")], [1, NaN, 3]);
    assert.deepEqual([...table.values("VECTOR")], [1, 2, 3, 4, 5, 6]);
    assert.deepEqual([...table.values("COMPLEX")], [1, -1, 2, -2, 3, -3]);
    const [first] = table.columns;
    assert.deepEqual([first?.unit, first?.comment, first?.display], [
      "deg",
      "right ascension",
      "F10.4",
    ]);
    assert.deepEqual(table.columns[13]?.shape, [2, 2]);
    assert.deepEqual((await readTables(path)).map(({ name, rows }) => [name, rows]), [
      ["FIRST", 3],
      ["SECOND", 0],
    ]);
  }));

Deno.test({
  name: "astropy reads the columns that were written",
  ignore: !HAS_ASTROPY,
  fn: () =>
    withFolder(async (folder) => {
      const path = join(folder, "table.fits");
      await writeTables(path, [{ name: "T", columns: COLUMNS }]);
      const program = `import sys, json, numpy as np
from astropy.io import fits
d = fits.getdata(sys.argv[1], 1)
plain = lambda v: None if isinstance(v, float) and v != v else [v.real, v.imag] if isinstance(v, complex) else v.rstrip() if isinstance(v, str) else v
print(json.dumps({n: [plain(v) for v in np.ravel(d[n]).tolist()] for n in d.names}))`;
      const seen = await askPython(program, path) as Record<string, unknown[]>;
      for (const { name, data } of COLUMNS) {
        if (["K", "COMPLEX", "BLANK"].includes(name)) continue; // JSON or TNULL in the way
        const wanted = Array.from<unknown>(data).map((v) => Number.isNaN(v) ? null : v);
        assert.deepEqual(seen[name], wanted, name);
      }
      assert.deepEqual(seen["COMPLEX"], [[1, -1], [2, -2], [3, -3]]);
    }),
});

Deno.test({
  name: "columns of every TFORM that astropy writes are read, arrays of varied length too",
  ignore: !HAS_ASTROPY,
  fn: () =>
    withFolder(async (folder) => {
      const path = join(folder, "table.fits");
      const program = `import sys, numpy as np
from astropy.io import fits
C = fits.Column
cols = [C('L', '2L', array=np.array([[1, 0], [0, 1]], bool)), C('X', '11X', array=np.eye(2, 11, dtype=bool)),
  C('B', 'B', array=[1, 200]),
  C('I', 'I', null=-99, array=[-99, 5]), C('U', 'I', bzero=32768, array=np.array([0, 65535], np.uint16)),
  C('J', 'J', array=[2, 5]), C('K', 'K', array=[2**53, -1]),
  C('UK', 'K', bzero=2**63, array=np.array([5, 2**63 + 2**20], np.uint64)),
  C('A', '5A', array=['ab', 'abcde']), C('E', '3E', array=np.arange(6).reshape(2, 3)), C('D', 'D', array=[np.nan, 1]),
  C('C', 'C', array=[1 + 2j, 3]), C('M', '2M', array=[[1j, 2], [3, 4j]]),
  C('PE', 'PE()', array=np.array([[1.0], [2.0, 3.0]], dtype=object)), C('PJ', 'PJ()', array=np.array([[], [7, 8]], dtype=object)),
  C('QD', 'QD()', array=np.array([[1.5, 2.5, 3.5], [4.5]], dtype=object)), C('PA', 'PA()', array=np.array(['x', 'long text'], dtype=object))]
fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(cols, name='ALL')]).writeto(sys.argv[1])
fits.setval(sys.argv[1], 'TSCAL6', value=0.5, ext=1)
fits.setval(sys.argv[1], 'TZERO6', value=10, ext=1)
print('null')`;
      await askPython(program, path);
      const table = await readTable(path, 1);
      const numbers: Record<string, number[]> = {
        L: [1, 0, 0, 1],
        X: [1, ...Array(10).fill(0), 0, 1, ...Array(9).fill(0)],
        B: [1, 200],
        I: [NaN, 5],
        U: [0, 65535],
        J: [11, 12.5],
        K: [2 ** 53, -1],
        UK: [5, 2 ** 63 + 2 ** 20],
        E: [0, 1, 2, 3, 4, 5],
        D: [NaN, 1],
        C: [1, 2, 3, 0],
        M: [0, 1, 2, 0, 3, 0, 0, 4],
      };
      for (const [name, wanted] of Object.entries(numbers)) {
        assert.deepEqual([...table.values(name)], wanted, name);
      }
      assert.deepEqual(table.text("A"), ["ab", "abcde"]);
      assert.deepEqual(table.arrays("PE").map((cell) => [...cell]), [[1], [2, 3]]);
      assert.deepEqual(table.arrays("PJ").map((cell) => [...cell]), [[], [7, 8]]);
      assert.deepEqual(table.arrays("QD").map((cell) => [...cell]), [[1.5, 2.5, 3.5], [4.5]]);
      assert.deepEqual(table.text("PA"), ["x", "long text"]);
    }),
});

Deno.test("tables of random numbers and texts come back", () =>
  withFolder(async (folder) => {
    const path = join(folder, "table.fits");
    const printable = fc.stringMatching(/^[ -~]*$/).map((text) => text.trimEnd());
    const row = fc.tuple(fc.double(), fc.float(), fc.integer(), fc.boolean(), printable);
    await fc.assert(
      fc.asyncProperty(fc.array(row), async (rows) => {
        const pick = <K extends 0 | 1 | 2 | 3 | 4>(k: K) => rows.map((each) => each[k]);
        await writeTables(path, [{
          name: "T",
          rows: rows.length,
          columns: [
            { name: "D", data: pick(0), format: "1D" },
            { name: "E", data: pick(1), format: "1E" },
            { name: "J", data: pick(2), format: "1J" },
            { name: "L", data: pick(3), format: "1L" },
            { name: "A", data: pick(4), format: "30A" },
          ],
        }]);
        const table = await readTable(path);
        assert.deepEqual([...table.column("D")], pick(0));
        assert.deepEqual([...table.column("E")], pick(1));
        assert.deepEqual([...table.column("J")], pick(2).map((v) => v + 0));
        assert.deepEqual([...table.column("L")], pick(3).map(Number));
        assert.deepEqual(table.text("A"), pick(4));
      }),
      { numRuns: 100 },
    );
  }));

Deno.test("columns that do not fit are refused by name, and nothing is left", () =>
  withFolder(async (folder) => {
    const path = join(folder, "table.fits");
    const cases: readonly (readonly [ColumnSpec, RegExp])[] = [
      [{ name: "X", data: [1, 2] }, /column 'X' of table 'T' has 2 rows, not 3/],
      [{ name: "X", data: [1, 2, 70000], format: "1I" }, /70000 does not fit 2 bytes/],
      [{ name: "X", data: ["a", "b", "long"], format: "3A" }, /'long' in row 3 is longer than 3/],
      [{ name: "X", data: [1, 2, 3], format: "PD" }, /'PD' is no format that can be written/],
      [{ name: "X", data: [1, 2, 3], format: "2D" }, /3 values do not make rows of 2/],
    ];
    for (const [column, message] of cases) {
      const columns = [{ name: "N", data: [1, 2, 3] }, column];
      await assert.rejects(writeTables(path, [{ name: "T", columns }]), (error: unknown) => {
        assert.ok(error instanceof DataError, String(error));
        assert.match(error.message, message);
        return true;
      });
    }
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));

Deno.test("a table damaged at random gives a DataError or a table, nothing else", () =>
  withFolder(async (folder) => {
    const path = join(folder, "table.fits");
    await writeTables(path, [{ name: "T", columns: COLUMNS }]);
    const good = await Deno.readFile(path);
    const damage = fc.array(fc.tuple(fc.nat(5999), fc.integer({ min: 32, max: 80 })), {
      maxLength: 9,
    });
    await fc.assert(
      fc.asyncProperty(
        damage,
        fc.integer({ min: 2880, max: good.length }),
        async (changes, end) => {
          const bytes = good.slice(0, end);
          for (const [at, value] of changes) bytes[2880 + at] = value;
          await Deno.writeFile(path, bytes);
          try {
            const table = await readTable(path);
            for (const { name, code } of table.columns) {
              if (code === "A") table.text(name);
              else table.values(name);
            }
          } catch (error) {
            assert.ok(error instanceof DataError, String(error));
          }
        },
      ),
      { numRuns: 300 },
    );
  }));

Deno.test("columns that are missing or of another kind are refused by name", () =>
  withFolder(async (folder) => {
    const path = join(folder, "table.fits");
    await writeTables(path, [{ name: "T", columns: COLUMNS }]);
    const table = await readTable(path);
    assert.equal(table.has("d"), true);
    assert.equal(table.has("MAG"), false);
    assert.throws(() => table.column("MAG"), /column 'MAG' of '.*\[1\]': its columns are D, E/);
    assert.throws(() => table.column("VECTOR"), /'VECTOR' .* not one number a row/);
    assert.throws(() => table.values("A"), /'A' .* holds text/);
    assert.throws(() => table.bigints("J"), DataError);
    assert.throws(() => table.arrays("J"), DataError);
    await assert.rejects(readTable(path, "OTHER"), /it has no table 'OTHER'/);
    await assert.rejects(readTable(path, 0), /it is no binary table/);
  }));
