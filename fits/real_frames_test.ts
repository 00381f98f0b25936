import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { readWithFitsjs, rowsOf } from "./_fitsjs.ts";
import { askPython, assertVerified, fitsFiles, HAS_ASTROPY, TEST_DATA } from "./_testing.ts";
import { withFolder } from "./_testing.ts";
import { verifyChecksums } from "./checksum.ts";
import { type Hdu, readHeader, scanFits } from "./file.ts";
import type { CardValue, FitsHeader } from "./header.ts";
import { readImage, updateHeader, writeImage } from "./image.ts";
import { readTable } from "./table.ts";

const folder = TEST_DATA ?? "";
const noData = TEST_DATA === undefined;
const note = noData ? " (skipped: no test data)" : HAS_ASTROPY ? "" : " (skipped: no astropy)";

/** One unit as astropy sees it. */
interface Seen {
  readonly offsets: readonly [number, number];
  readonly cards: readonly (readonly [string, CardValue, string])[];
  /** SHA-256 of the pixels as float32. */
  readonly sha?: string;
  readonly columns?: Readonly<Record<string, readonly (number | string | null)[]>>;
}

const LOOK = `import sys, json, hashlib, glob, os, numpy as np
from astropy.io import fits
def value(c):
    v = c.value
    if isinstance(v, fits.card.Undefined): return None
    return v if isinstance(v, (bool, int, float)) else str(v)
def cells(d):
    if d.dtype.kind in 'SU': return [str(s).rstrip() for s in np.ravel(d)[:500]]
    a = np.asarray(d, np.float64).ravel()[:2000]
    return [float(v) if np.isfinite(v) else None for v in a]
def unit(h):
    u = dict(offsets=[h._header_offset, h._data_offset], cards=[[c.keyword, value(c), c.comment] for c in h.header.cards])
    if isinstance(h, fits.BinTableHDU):
        if 'ZIMAGE' not in h.header: u['columns'] = {c.name: cells(h.data[c.name]) for c in h.columns if not c.dim}
    elif h.data is not None and h.data.size:
        u['sha'] = hashlib.sha256(np.asarray(h.data, '<f4').tobytes()).hexdigest()
    return u
out = {}
for f in json.load(open(sys.argv[1])):
    with fits.open(f, disable_image_compression=True) as hdus: out[f] = [unit(h) for h in hdus]
print(json.dumps(out))`;

async function seenByAstropy(): Promise<Record<string, Seen[]>> {
  const list = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(list, JSON.stringify(await fitsFiles(folder)));
    return await askPython(LOOK, list) as Record<string, Seen[]>;
  } finally {
    await Deno.remove(list);
  }
}

let seen: Promise<Record<string, Seen[]>> | undefined;

/** Calls `compare` with each unit of each file and what astropy sees of it. */
async function compareAll(
  compare: (unit: Hdu, theirs: Seen, path: string) => Promise<void> | void,
): Promise<number> {
  seen ??= seenByAstropy();
  let compared = 0;
  for (const [path, theirs] of Object.entries(await seen)) {
    const units = await scanFits(path);
    assert.equal(units.length, theirs.length, path);
    for (const [i, unit] of units.entries()) await compare(unit, theirs[i]!, path);
    compared++;
  }
  return compared;
}

Deno.test({
  name: `headers of all real files are what astropy reads${note}`,
  ignore: noData || !HAS_ASTROPY,
  async fn() {
    const files = await compareAll((unit, theirs) => {
      assert.deepEqual([unit.headerOffset, unit.dataOffset], theirs.offsets);
      const { cards, where } = unit.header;
      // astropy adds EXTEND itself where a file has extensions.
      const wanted = theirs.cards.filter(([keyword]) =>
        keyword !== "EXTEND" || unit.header.has(keyword)
      );
      assert.equal(cards.length, wanted.length, where);
      for (const [i, [keyword, value, comment]] of wanted.entries()) {
        const card = cards[i]!;
        const mine = typeof card.value === "bigint" ? Number(card.value) : card.value;
        const trim = (v: CardValue) => typeof v === "string" ? v.trim() : v;
        assert.deepEqual(
          [card.keyword, trim(mine), card.comment.trim()],
          [keyword, trim(value), comment.trim()],
          where,
        );
      }
    });
    assert.ok(files > 100, `${files} files`);
  },
});

Deno.test({
  name: `pixels of all real images are what astropy reads, bit by bit${note}`,
  ignore: noData || !HAS_ASTROPY,
  async fn() {
    await compareAll(async (unit, theirs, path) => {
      if (theirs.sha === undefined) return;
      const { data, header } = await readImage(path, { hdu: unit.index });
      // With a scale astropy multiplies in float32, this reader in float64.
      if (header.number("BSCALE") !== undefined && header.number("BSCALE") !== 1) return;
      const sha = createHash("sha256").update(new Uint8Array(data.buffer)).digest("hex");
      assert.equal(sha, theirs.sha, header.where);
    });
  },
});

Deno.test({
  name: `columns of all real tables are what astropy reads${note}`,
  ignore: noData || !HAS_ASTROPY,
  async fn() {
    let columns = 0;
    await compareAll(async (unit, theirs, path) => {
      for (const [name, wanted] of Object.entries(theirs.columns ?? {})) {
        const table = await readTable(path, unit.index);
        const isText = table.columns.find((column) => column.name === name)?.code === "A";
        const mine: (number | string | null)[] = isText
          ? table.text(name).slice(0, wanted.length)
          : Array.from(table.values(name).subarray(0, wanted.length))
            .map((v) => Number.isFinite(v) ? v : null);
        assert.deepEqual(mine, wanted, `${unit.header.where} ${name}`);
        columns++;
      }
    });
    assert.ok(columns > 200, `${columns} columns`);
  },
});

Deno.test({
  name:
    `every real image is written again, and with a changed header, as fitsverify wants it${note}`,
  ignore: noData,
  fn: () =>
    withFolder(async (target) => {
      const done = new Set<string>();
      for (const path of await fitsFiles(folder)) {
        const unit = (await scanFits(path)).find(({ kind }) => kind === "image");
        // Frames of one camera are alike: one of each length of header is enough.
        const like = `${unit?.dataOffset} ${unit?.header.cards.length} ${
          basename(path).slice(0, 3)
        }`;
        if (!unit || unit.index > 0 || done.has(like)) continue;
        done.add(like);
        const image = await readImage(path);
        const written = join(target, "written.fits");
        await writeImage(written, image);
        await assertVerified(written);
        assert.deepEqual((await readImage(written)).data, image.data);
        const changed = join(target, "changed.fits");
        await updateHeader(path, changed, (header) => header.set("ZP_AUTO", 25.1, "mag"));
        await assertVerified(changed);
        assert.deepEqual((await readImage(changed)).data, image.data);
      }
      assert.ok(done.size > 10, `${done.size} kinds of frames`);
    }),
});

/** A value in the form that fitsjs gives it: quotes stay doubled, logical ones may stay letters. */
function plain(value: unknown): unknown {
  if (typeof value === "boolean") return value ? "T" : "F";
  if (typeof value === "bigint") return Number(value);
  if (Number.isNaN(value) || value === undefined) return null;
  return typeof value === "string" ? value.replaceAll("''", "'").trim() : value;
}

Deno.test({
  name: `headers of all real files are what fitsjs reads${note}`,
  ignore: noData,
  async fn() {
    let cards = 0;
    let different = 0;
    for (const path of await fitsFiles(folder)) {
      const theirs = await readWithFitsjs(path);
      const units = await scanFits(path);
      assert.equal(units.length, theirs.length, path);
      for (const [i, { header }] of units.entries()) {
        for (const [keyword, card] of Object.entries(theirs[i]!.header.cards)) {
          if (!("value" in card)) continue;
          cards++;
          if (plain(header.get(keyword)) !== plain(card.value)) different++;
        }
      }
    }
    // It takes the last of two cards of one keyword, and a COMMENT that starts with "= " for a value.
    assert.ok(cards > 10000 && different <= 3, `${different} of ${cards} differ`);
  },
});

Deno.test({
  name: `numbers in the LDAC and reference tables are what fitsjs reads${note}`,
  ignore: noData,
  async fn() {
    let cells = 0;
    for (
      const path of (await fitsFiles(folder)).filter((each) => /\.cat$|_cat\.fits$/.test(each))
    ) {
      const theirs = await readWithFitsjs(path);
      for (const unit of await scanFits(path)) {
        const foreign = theirs[unit.index]?.data;
        if (unit.kind !== "table" || !foreign || unit.name === "LDAC_IMHEAD") continue;
        const table = await readTable(path, unit.index);
        const rows = await rowsOf(foreign);
        for (const { name, code, repeat } of table.columns) {
          if (repeat !== 1 || !"BIJED".includes(code)) continue;
          const wanted = rows.map((row) => row[name]);
          assert.deepEqual([...table.column(name)], wanted, `${path} ${name}`);
          cells += wanted.length;
        }
      }
    }
    assert.ok(cells > 10000, `${cells} cells`);
  },
});

Deno.test({
  name: `a RICE-compressed frame is read as funpack unpacks it${note}`,
  ignore: noData,
  async fn() {
    const path = join(folder, "panoptes/solved.fits.fz");
    const units = await scanFits(path);
    assert.deepEqual(units.map(({ kind }) => kind), ["empty", "compressed-image"]);
    const header = await readHeader(path);
    assert.equal(header.number("BITPIX"), 16);
    assert.equal(header.number("NAXIS1"), units[1]!.header.number("ZNAXIS1"));
    assert.equal(header.has("TFORM1"), false);
    assert.deepEqual((await verifyChecksums(path)).map(({ hdu }) => hdu), [0, 1]);
    await withFolder(async (room) => {
      const plain = join(room, "plain.fits");
      const { code } = await new Deno.Command("funpack", { args: ["-O", plain, path] }).output();
      assert.equal(code, 0);
      const [ours, theirs] = [await readImage(path), await readImage(plain)];
      assert.deepEqual(ours.data, theirs.data);
      const cards = (each: FitsHeader) =>
        each.cards.filter(({ keyword }) =>
          !/^(SIMPLE|XTENSION|[PG]COUNT|EXTEND|CHECKSUM|DATASUM|COMMENT)?$/.test(keyword)
        )
          .map(({ keyword, value }) => [keyword, value]);
      assert.deepEqual(cards(ours.header), cards(theirs.header));
    });
  },
});
