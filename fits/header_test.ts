import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { DataError } from "../config/errors.ts";
import { askPython, assertVerified, HAS_ASTROPY, withFolder } from "./_testing.ts";
import { readHeader } from "./file.ts";
import { type CardValue, FitsHeader } from "./header.ts";
import { writeImage } from "./image.ts";

function parse(...cards: string[]): FitsHeader {
  return FitsHeader.parse(new TextEncoder().encode(cards.map((card) => card.padEnd(80)).join("")));
}

Deno.test("FitsHeader.parse() reads values in fixed and in free format", () => {
  const header = parse(
    "SIMPLE  =                    T / a comment",
    "FREE=42",
    "INT     =42",
    "FLOAT   = -1.5D-3 / double precision",
    "LOWER   = 1.0e+05",
    "DOT     = .5",
    "STRING  = 'O''Neill  '         / quotes doubled",
    "SLASH   = 'a / b'/no blank",
    "EMPTY   = ''",
    "UNDEF   =                      / no value",
    "NOVALUE   text without a value",
    "COMPLEX = (1.0, -2.5)          / kept as text",
    "BIG     = 12345678901234567890",
    "NANCARD =                  NaN",
    "OPEN    = 'no closing quote",
  );
  const expected: Record<string, CardValue> = {
    SIMPLE: true,
    INT: 42,
    FLOAT: -0.0015,
    LOWER: 1e5,
    DOT: 0.5,
    STRING: "O'Neill",
    SLASH: "a / b",
    EMPTY: "",
    UNDEF: null,
    COMPLEX: "(1.0, -2.5)",
    BIG: 12345678901234567890n,
    NANCARD: null,
    OPEN: "no closing quote",
  };
  for (const [keyword, value] of Object.entries(expected)) {
    assert.deepEqual([keyword, header.get(keyword)], [keyword, value]);
  }
  assert.equal(header.comment("SLASH"), "no blank");
  assert.equal(header.comment("STRING"), "quotes doubled");
  assert.equal(header.cards.find((card) => card.keyword === "NOVALUE")?.commentary, true);
});

Deno.test("FitsHeader.parse() joins CONTINUE cards and finds HIERARCH keywords", () => {
  const header = parse(
    "LONG    = 'first &'",
    "CONTINUE  'second&' / one",
    "CONTINUE  '' / two",
    "ALONE   = 'ends with &'",
    "HIERARCH ESO DET OUT1 GAIN = 2.5 / hierarchical",
    "COMMENT a = b is no value",
    "HISTORY = neither is this",
    "        blank keyword",
  );
  assert.equal(header.get("LONG"), "first second");
  assert.equal(header.comment("LONG"), "one two");
  assert.equal(header.get("ALONE"), "ends with &");
  assert.equal(header.get("ESO DET OUT1 GAIN"), 2.5);
  assert.equal(header.get("hierarch eso det out1 gain"), 2.5);
  assert.deepEqual(header.cards.slice(-3).map((card) => [card.keyword, card.value]), [
    ["COMMENT", "a = b is no value"],
    ["HISTORY", "= neither is this"],
    ["", "blank keyword"],
  ]);
});

Deno.test("FitsHeader.fromText() reads lines of any length up to END", () => {
  const header = FitsHeader.fromText(
    "COMMENT \u00e9t\u00e9\nCRVAL1  = 1.5 / deg\r\nEND   \nA       = 1\n",
  );
  assert.equal(header.get("CRVAL1"), 1.5);
  assert.equal(header.cards.length, 2);
  assert.equal(FitsHeader.fromText(header.toText()).get("CRVAL1"), 1.5);
});

Deno.test("FitsHeader gives values by type, and says what is missing and where", () => {
  const header = FitsHeader.from({ EXPTIME: "60.0", FILTER: "m600", N: 3n, FLAG: true, BAD: "x" });
  header.where = "frame.fits[0]";
  assert.equal(header.number("EXPTIME"), 60);
  assert.equal(header.number("N"), 3);
  assert.equal(header.number("FILTER"), undefined);
  assert.equal(header.text("N"), undefined);
  assert.equal(header.boolean("FLAG"), true);
  assert.equal(header.requireText("FILTER"), "m600");
  assert.throws(() => header.requireNumber("GAIN"), (error: unknown) => {
    assert.ok(error instanceof DataError);
    assert.match(error.message, /'frame\.fits\[0\]': card 'GAIN' is missing/);
    assert.deepEqual(error.details, { file: "frame.fits[0]", card: "GAIN" });
    return true;
  });
  assert.throws(() => header.requireNumber("BAD"), /card 'BAD' holds 'x', not a number/);
});

Deno.test("FitsHeader.set() changes a card in its place and refuses NaN", () => {
  const header = parse("A       =     1 / keep", "B       =     2", "A       =     3");
  header.set("a", 5).set("C", "new");
  assert.equal(header.get("A"), 5);
  assert.equal(header.comment("A"), "keep");
  assert.deepEqual(header.cards.map((card) => card.keyword), ["A", "B", "A", "C"]);
  assert.deepEqual(header.clone().delete("A").cards.map((card) => card.keyword), ["B", "C"]);
  assert.throws(() => header.set("SEEING", NaN), DataError);
  assert.throws(() => header.set("SEEING", -Infinity), DataError);
  assert.equal(header.has("SEEING"), false);
});

Deno.test("FitsHeader writes cards that it did not change as it read them", () => {
  const cards = ["GAIN    =  1.2340000E+00 /keep", "CPLX    = (1, 2)", "T       = 'a''b'"];
  const text = parse(...cards).toText();
  assert.equal(text, [...cards, "END", ""].join("\n"));
});

const keyword = fc.oneof(
  fc.stringMatching(/^[A-Z][A-Z0-9_-]{0,7}$/),
  fc.stringMatching(/^[A-Z]{2,6} [A-Z0-9]{1,8}( [A-Z0-9]{1,8})?$/),
).filter((name) => !/^(?:COMMENT|HISTORY|CONTINUE|HIERARCH|END|SIMPLE|XTENSION)\b/.test(name));
const printable = fc.string({
  unit: fc.integer({ min: 32, max: 126 }).map((c) => String.fromCharCode(c)),
});
const text = fc.oneof(
  printable,
  fc.string({ unit: fc.constantFrom("'", "&", " ", "a"), maxLength: 250 }),
)
  .map((value) => value.trimEnd());
const value = fc.oneof(
  text,
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n })
    .filter((big) => !Number.isSafeInteger(Number(big))),
  fc.boolean(),
  fc.constant(null),
);

Deno.test("FitsHeader survives encoding and parsing, whatever the values", () => {
  const entries = fc.uniqueArray(fc.tuple(keyword, value), { selector: ([name]) => name });
  fc.assert(
    fc.property(entries, (list) => {
      const header = FitsHeader.from(Object.fromEntries(list));
      const bytes = header.encode();
      assert.equal(bytes.length % 2880, 0);
      assert.ok(bytes.every((byte) => byte >= 32 && byte < 127));
      const again = FitsHeader.parse(bytes);
      for (const [name, wanted] of list) {
        const got = again.get(name);
        assert.ok(got === wanted, `${name}: ${String(got)} is not ${String(wanted)}`);
      }
      assert.deepEqual(again.encode(), bytes);
    }),
    { numRuns: 500 },
  );
});

Deno.test("FitsHeader.parse() never fails, whatever the bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const header = FitsHeader.parse(bytes);
      assert.equal(header.encode().length % 2880, 0);
    }),
    { numRuns: 500 },
  );
});

/** Cards of every kind that is hard to write. */
function difficultHeader(): FitsHeader {
  return FitsHeader.from({
    OBJECT: ["O'Neill''s & co &", "quotes"],
    LONGSTR: "x'".repeat(120) + "end",
    "ESO DET CHIP NAME": ["CCD", "hierarchical"],
    BIG: 12345678901234567890n,
    SMALL: -1.5e-300,
    HUGE: 1e22,
    FLAG: false,
    ASTROMRMS: 0.25,
    EMPTY: "",
    AMPERSND: "a".repeat(100) + "&",
    "LONG HIERARCH NAME": "z".repeat(150),
    ACCENT: "Élan",
  }).addHistory("made of ".repeat(30)).addComment("a comment");
}

Deno.test("a header with difficult cards passes fitsverify, undefined values as comments", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "cards.fits");
    const header = difficultHeader().set("UNDEF", null, "nothing").set("EPOCH", 2000);
    for (const [i, type] of ["RA---TAN", "DEC--TAN"].entries()) {
      header.set(`CTYPE${i + 1}`, type).set(`CRVAL${i + 1}`, 0).set(`CRPIX${i + 1}`, 1);
    }
    header.set("WCSAXES", 2);
    await writeImage(path, { width: 2, height: 1, data: new Float32Array(2), header });
    await assertVerified(path);
    const again = await readHeader(path);
    assert.equal(again.get("LONGSTR"), header.get("LONGSTR"));
    assert.equal(again.get("EQUINOX"), 2000);
    assert.equal(again.has("UNDEF"), false);
    assert.ok(again.cards.some((card) => card.value === "UNDEF = (undefined) / nothing"));
  });
});

Deno.test("FitsHeader.toText() gives what imhead prints", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "cards.fits");
    const header = difficultHeader();
    await writeImage(path, { width: 2, height: 1, data: new Float32Array(2), header });
    const { stdout } = await new Deno.Command("imhead", { args: [path] }).output();
    assert.equal((await readHeader(path)).toText(), new TextDecoder().decode(stdout));
  });
});

Deno.test({
  name: "astropy reads the values that were written",
  ignore: !HAS_ASTROPY,
  fn: () =>
    withFolder(async (folder) => {
      const path = join(folder, "cards.fits");
      const header = difficultHeader();
      await writeImage(path, { width: 2, height: 1, data: new Float32Array(2), header });
      const program = `import sys, json
from astropy.io import fits
h = fits.getheader(sys.argv[1])
print(json.dumps({c.keyword: str(c.value) for c in h.cards}))`;
      const seen = await askPython(program, path) as Record<string, string>;
      for (const { keyword, value, commentary } of (await readHeader(path)).cards) {
        if (commentary || typeof value === "number") continue;
        const wanted = typeof value === "boolean" ? (value ? "True" : "False") : String(value);
        assert.equal(seen[keyword], wanted, keyword);
      }
      assert.equal(Number(seen["SMALL"]), -1.5e-300);
      assert.equal(Number(seen["HUGE"]), 1e22);
    }),
});
