import assert from "node:assert/strict";
import { join } from "node:path";
import { assertVerified, complaints, withFolder } from "./_testing.ts";
import { FitsHeader } from "./header.ts";
import { writeImage } from "./image.ts";
import { readLdac, readLdacAll, writeLdac } from "./ldac.ts";
import type { ColumnSpec } from "./table.ts";
import { writeTables } from "./table.ts";

const SIZE = 512;
const SCALE_DEG = 0.5 / 3600;
const CENTRE = { raDeg: 150.1, decDeg: 2.2 };
const OFFSET_PX = { x: 6.25, y: -4.5 };

interface Star {
  readonly xPx: number;
  readonly yPx: number;
  readonly flux: number;
}

/** Stars at random places, 20 px from the edge, their fluxes falling as a power law. */
function starField(count: number): Star[] {
  let state = 20240423;
  const random = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648;
  const place = () => 20 + random() * (SIZE - 40);
  return Array.from({ length: count }, () => ({
    xPx: place(),
    yPx: place(),
    flux: 4000 / (0.02 + random()),
  }));
}

/** The header of an image of the field, its reference pixel wrong by an offset. */
function fieldHeader(offset: { readonly x: number; readonly y: number }): FitsHeader {
  return FitsHeader.from({
    SIMPLE: true,
    BITPIX: -32,
    NAXIS: 2,
    NAXIS1: SIZE,
    NAXIS2: SIZE,
    OBJECT: ["O'Neill's field", "doubled quotes"],
    FILTER: "m600",
    EXPTIME: 100,
    "DATE-OBS": "2024-04-23T02:53:12.000",
    CTYPE1: "RA---TAN",
    CTYPE2: "DEC--TAN",
    CRVAL1: CENTRE.raDeg,
    CRVAL2: CENTRE.decDeg,
    CRPIX1: SIZE / 2 + offset.x,
    CRPIX2: SIZE / 2 + offset.y,
    CD1_1: -SCALE_DEG,
    CD1_2: 0,
    CD2_1: 0,
    CD2_2: SCALE_DEG,
    EQUINOX: 2000,
    RADESYS: "ICRS",
  });
}

/** The gnomonic projection turned round, for a field without rotation. */
function skyOf({ xPx, yPx }: Star): { raDeg: number; decDeg: number } {
  const radians = Math.PI / 180;
  const xi = -(xPx - SIZE / 2) * SCALE_DEG * radians;
  const eta = (yPx - SIZE / 2) * SCALE_DEG * radians;
  const dec0 = CENTRE.decDeg * radians;
  const below = Math.cos(dec0) - eta * Math.sin(dec0);
  const ra = Math.atan2(xi, below);
  const up = Math.sin(dec0) + eta * Math.cos(dec0);
  const dec = Math.atan2(up, Math.hypot(xi, below));
  return { raDeg: CENTRE.raDeg + ra / radians, decDeg: dec / radians };
}

function catalogueColumns(stars: readonly Star[]): ColumnSpec[] {
  const same = (value: number) => Float32Array.from(stars, () => value);
  const flux = Float32Array.from(stars, (star) => star.flux);
  return [
    { name: "NUMBER", data: Int32Array.from(stars, (_, i) => i + 1) },
    { name: "XWIN_IMAGE", data: stars.map((star) => star.xPx), unit: "pixel", display: "F11.4" },
    { name: "YWIN_IMAGE", data: stars.map((star) => star.yPx), unit: "pixel", display: "F11.4" },
    { name: "ERRAWIN_IMAGE", data: same(0.02), unit: "pixel" },
    { name: "ERRBWIN_IMAGE", data: same(0.02), unit: "pixel" },
    { name: "ERRTHETAWIN_IMAGE", data: same(0), unit: "deg" },
    { name: "FLUX_AUTO", data: flux, unit: "count" },
    {
      name: "FLUXERR_AUTO",
      data: Float32Array.from(flux, (f) => 10 + Math.sqrt(f)),
      unit: "count",
    },
    { name: "FLUX_RADIUS", data: same(2.5), unit: "pixel" },
    { name: "ELONGATION", data: same(1.05) },
    { name: "FLAGS", data: Int16Array.from(stars, () => 0) },
  ];
}

function referenceColumns(stars: readonly Star[]): ColumnSpec[] {
  const sky = stars.map(skyOf);
  return [
    { name: "X_WORLD", data: sky.map((place) => place.raDeg), unit: "deg" },
    { name: "Y_WORLD", data: sky.map((place) => place.decDeg), unit: "deg" },
    { name: "ERRA_WORLD", data: Float32Array.from(stars, () => 0.02 / 3600), unit: "deg" },
    { name: "ERRB_WORLD", data: Float32Array.from(stars, () => 0.02 / 3600), unit: "deg" },
    {
      name: "MAG",
      data: Float32Array.from(stars, (s) => 25 - 2.5 * Math.log10(s.flux)),
      unit: "mag",
    },
    { name: "MAGERR", data: Float32Array.from(stars, () => 0.01), unit: "mag" },
    { name: "OBSDATE", data: stars.map(() => 2024.3), unit: "yr" },
  ];
}

async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const output = await new Deno.Command(command, { args: [...args], cwd }).output();
  const text = new TextDecoder().decode(output.stdout) + new TextDecoder().decode(output.stderr);
  assert.equal(output.code, 0, text);
  return text;
}

Deno.test("a catalogue comes back; fitsverify objects only to the column name SCAMP wants", () =>
  withFolder(async (folder) => {
    const path = join(folder, "field.cat");
    const stars = starField(50);
    const header = fieldHeader({ x: 0, y: 0 });
    const image = { header, columns: catalogueColumns(stars) };
    await writeLdac(path, image);
    const { header: again, objects } = await readLdac(path);
    for (const { keyword, value } of header.cards) assert.equal(again.get(keyword), value, keyword);
    assert.deepEqual([...objects.column("XWIN_IMAGE")], stars.map((star) => star.xPx));
    assert.equal(objects.rows, 50);
    const warnings = new Set(await complaints(path));
    assert.deepEqual([...warnings], [
      `*** Warning: Column #1: Name "Field Header Card" contains character ' ' other`,
    ]);
    await writeLdac(path, [image, { header, columns: [], rows: 0 }]);
    assert.deepEqual((await readLdacAll(path)).map((each) => each.objects.rows), [50, 0]);
  }));

Deno.test("a file without LDAC tables is refused", () =>
  withFolder(async (folder) => {
    const path = join(folder, "other.fits");
    await writeTables(path, [{ name: "OTHER", columns: [] }]);
    await assertVerified(path);
    await assert.rejects(readLdac(path), /it holds no LDAC_OBJECTS table/);
  }));

Deno.test("SCAMP matches a catalogue with a reference, both written here", () =>
  withFolder(async (folder) => {
    const stars = starField(120);
    await writeLdac(join(folder, "field.cat"), {
      header: fieldHeader(OFFSET_PX),
      columns: catalogueColumns(stars),
    });
    await writeLdac(join(folder, "reference.cat"), {
      header: fieldHeader({ x: 0, y: 0 }),
      columns: referenceColumns(stars),
    });
    const log = await run("scamp", [
      "field.cat",
      ...["-ASTREF_CATALOG", "FILE", "-ASTREFCAT_NAME", "reference.cat"],
      ...["-ASTREFCENT_KEYS", "X_WORLD,Y_WORLD", "-ASTREFERR_KEYS", "ERRA_WORLD,ERRB_WORLD"],
      ...["-ASTREFMAG_KEY", "MAG", "-ASTREFMAGERR_KEY", "MAGERR", "-DISTORT_DEGREES", "1"],
      ...["-POSITION_MAXERR", "1", "-CHECKPLOT_TYPE", "NONE", "-WRITE_XML", "N", "-NTHREADS", "1"],
    ], folder);
    const head = FitsHeader.fromText(await Deno.readTextFile(join(folder, "field.head")));
    const shiftX = (head.requireNumber("CRVAL1") - CENTRE.raDeg) / SCALE_DEG;
    const shiftY = (head.requireNumber("CRVAL2") - CENTRE.decDeg) / SCALE_DEG;
    const solvedX = head.requireNumber("CRPIX1") - SIZE / 2 + shiftX;
    const solvedY = head.requireNumber("CRPIX2") - SIZE / 2 - shiftY;
    assert.ok(Math.hypot(solvedX, solvedY) < 0.1, `${solvedX} ${solvedY}\n${log}`);
    assert.match(log, /Astrometric stats \(external\)/);
  }));

Deno.test("the catalogue that Source Extractor writes is read", () =>
  withFolder(async (folder) => {
    const stars = starField(60);
    const data = drawStars(stars);
    const header = fieldHeader({ x: 0, y: 0 });
    await writeImage(join(folder, "field.fits"), { width: SIZE, height: SIZE, data, header });
    const parameters = ["NUMBER", "XWIN_IMAGE", "YWIN_IMAGE", "FLUX_AUTO", "FLUX_APER(3)", "FLAGS"];
    await Deno.writeTextFile(join(folder, "field.param"), parameters.join("\n"));
    await Deno.writeTextFile(join(folder, "empty.sex"), "");
    const settings = [
      ...["-c", "empty.sex", "-PARAMETERS_NAME", "field.param", "-FILTER", "N"],
      ...["-DETECT_THRESH", "5", "-PHOT_APERTURES", "4,8,12", "-VERBOSE_TYPE", "QUIET"],
    ];
    const extract = (type: string, name: string) =>
      run("source-extractor", [
        "field.fits",
        ...settings,
        "-CATALOG_TYPE",
        type,
        "-CATALOG_NAME",
        name,
      ], folder);
    await extract("FITS_LDAC", "field.cat");
    await extract("ASCII", "field.txt");
    const table = (await Deno.readTextFile(join(folder, "field.txt"))).trim().split("\n")
      .map((line) => line.trim().split(/\s+/).map(Number));
    const { header: seen, objects } = await readLdac(join(folder, "field.cat"));
    assert.equal(seen.text("OBJECT"), "O'Neill's field");
    assert.equal(seen.number("CRVAL1"), CENTRE.raDeg);
    assert.ok(objects.rows >= 50, `${objects.rows} sources`);
    assert.deepEqual([...objects.column("NUMBER")], table.map((row) => row[0]));
    const xPx = objects.column("XWIN_IMAGE");
    const apertures = objects.values("FLUX_APER");
    for (const [i, row] of table.entries()) {
      assert.ok(Math.abs((xPx[i] ?? NaN) - (row[1] ?? NaN)) < 1e-3);
      for (let k = 0; k < 3; k++) {
        const stated = row[4 + k] ?? NaN;
        assert.ok(
          Math.abs((apertures[3 * i + k] ?? NaN) - stated) <= 1e-4 * Math.abs(stated) + 0.1,
        );
      }
    }
  }));

/** Gaussian stars of sigma 1.5 px on a flat sky with a pattern of ±3 in place of noise. */
function drawStars(stars: readonly Star[]): Float32Array {
  const data = Float32Array.from({ length: SIZE * SIZE }, (_, i) => 100 + ((i * 7919) % 7) - 3);
  for (const { xPx, yPx, flux } of stars) {
    for (let y = Math.floor(yPx) - 9; y < yPx + 9; y++) {
      for (let x = Math.floor(xPx) - 9; x < xPx + 9; x++) {
        const r2 = (x + 1 - xPx) ** 2 + (y + 1 - yPx) ** 2;
        data[y * SIZE + x]! += flux / (2 * Math.PI * 2.25) * Math.exp(-r2 / 4.5);
      }
    }
  }
  return data;
}
