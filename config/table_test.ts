import assert from "node:assert/strict";
import fc from "fast-check";
import * as z from "zod";
import { UsageError } from "./errors.ts";
import { angleCell, mergeRows, numberCell, numberWithin, parseTable, textCell } from "./table.ts";

const columns = z.object({
  name: textCell,
  size_px: numberWithin({ min: 1, integer: true }),
  note: textCell.optional(),
});

const spec = {
  file: "things.dat",
  columns: () => columns,
  toRow: (cells: Readonly<Record<string, unknown>>) => cells,
  key: (row: Readonly<Record<string, unknown>>) => String(row["name"]),
};

function failure(text: string): UsageError {
  try {
    parseTable(text, "things.dat", spec);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error;
  }
  assert.fail("nothing was thrown");
}

Deno.test("parseTable() reads blanks and tabs, comments, quotes and what is not given", () => {
  const text =
    `# about\n\n  name\tsize_px note # columns\r\n"a b" 3\t"no # comment"  # one\nc 4 -\n`;
  assert.deepEqual(parseTable(text, "things.dat", spec), [
    { row: { name: "a b", size_px: 3, note: "no # comment" }, source: "things.dat:4" },
    { row: { name: "c", size_px: 4 }, source: "things.dat:5" },
  ]);
});

Deno.test("parseTable() takes columns in any order and lets optional ones be absent", () => {
  const rows = parseTable("size_px name\n7 x\n", "things.dat", spec);
  assert.deepEqual(rows[0]?.row, { name: "x", size_px: 7 });
});

Deno.test("parseTable() reads a file with a byte order mark and no final newline", () => {
  assert.equal(parseTable("\uFEFFname size_px\nx 7", "things.dat", spec).length, 1);
});

Deno.test("parseTable() names file, line and column of everything that is wrong", () => {
  const cases: [text: string, message: RegExp, line: number][] = [
    ["", /things\.dat:1: there is no line of column names/, 1],
    ["# only a comment\n", /no line of column names/, 1],
    ["\nname size_px colour\n", /:2: unknown column "colour"; known columns are name, size_px/, 2],
    ["name name size_px\n", /:1: column "name" stands twice/, 1],
    ["name note\n", /:1: column "size_px" is missing/, 1],
    ["name size_px\n# x\na\n", /:3: 1 values for 2 columns/, 3],
    ["name size_px\na 1 2\n", /:2: 3 values for 2 columns/, 2],
    ["name size_px\na one\n", /:2: column "size_px": not a number: "one"/, 2],
    ["name size_px\na 1.5\n", /:2: column "size_px": must be a whole number, found "1.5"/, 2],
    ["name size_px\na 0\n", /:2: column "size_px": must be at least 1, found "0"/, 2],
    ["name size_px\na -\n", /:2: column "size_px": a value is required/, 2],
    ["name size_px\na 1\nb 2\na 3\n", /:4: "a" stands already on line 2/, 4],
    ['name size_px\n"a 1\n', /:2: a quotation mark " is not closed/, 2],
  ];
  for (const [text, message, line] of cases) {
    const error = failure(text);
    assert.match(error.message, message);
    assert.equal(error.details["line"], line);
    assert.equal(error.details["file"], "things.dat");
  }
  assert.equal(failure("name size_px\na one\n").details["column"], "size_px");
  assert.equal(failure("name size_px\na one\n").details["value"], "one");
});

Deno.test("numberCell reads every finite number that JavaScript prints", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      assert.equal(numberCell.parse(String(value)), value + 0); // String(-0) is "0"
    }),
  );
});

Deno.test("numberCell refuses what Number() would let pass", () => {
  for (const text of ["", " ", "0x10", "1e999", "Infinity", "NaN", "1,5", "1_000", "12abc", "."]) {
    assert.equal(numberCell.safeParse(text).success, false, text);
  }
});

Deno.test("angleCell reads degrees and sexagesimal, right ascension in hours", () => {
  const ra = (text: string) => angleCell("ra").parse(text);
  const dec = (text: string) => angleCell("dec").parse(text);
  assert.ok(Math.abs(ra("16:02:11.84") - 240.549333) < 1e-6);
  assert.equal(ra("83.63"), 83.63);
  assert.ok(Math.abs(dec("-00:30:00") + 0.5) < 1e-12);
  assert.ok(Math.abs(dec("+28:10:10.4") - 28.169556) < 1e-6);
});

Deno.test("angleCell refuses what is no angle or out of range", () => {
  for (const text of ["24:00:01", "361", "-1", "12:60:00", "12:00", "x"]) {
    assert.equal(angleCell("ra").safeParse(text).success, false, text);
  }
  for (const text of ["90.1", "-91:00:00", "12 00 00"]) {
    assert.equal(angleCell("dec").safeParse(text).success, false, text);
  }
});

Deno.test("mergeRows() puts own rows first and drops bundled ones of the same key", () => {
  const own = [{ row: "b", source: "own:1" }];
  const bundled = [{ row: "a", source: "bundled:1" }, { row: "b", source: "bundled:2" }];
  assert.deepEqual(mergeRows(own, bundled, (row) => row), [own[0], bundled[0]]);
});
