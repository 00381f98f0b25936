import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { DataError, UsageError } from "../config/errors.ts";
import { loadSite } from "../config/site.ts";
import { scanFits } from "../fits/file.ts";
import { readImage } from "../fits/image.ts";
import { readLdac } from "../fits/ldac.ts";
import { readReferenceCsv } from "../sky/catalogue.ts";
import { separationDeg } from "../sky/angle.ts";
import { clippedStats } from "../sky/stats.ts";
import { wcsFromHeader } from "../sky/wcs.ts";
import { FADED_SHARE } from "./transients.ts";
import { simulate, type SimulateInput } from "./simulate.ts";

const site = await loadSite({ env: {} });
const small: SimulateInput = {
  size: 400,
  filters: "m600",
  lights: 2,
  bias: 2,
  darks: 1,
  flats: 2,
  transients: 6,
  fading: 1,
  dither: 4,
  pointingError: 3,
};

async function withNight(
  input: SimulateInput,
  check: (out: string, night: Awaited<ReturnType<typeof simulate>>) => Promise<void>,
): Promise<void> {
  const out = await Deno.makeTempDir({ prefix: "gppy-simulate-" });
  try {
    await check(out, await simulate(input, { out, site }));
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

async function digests(folder: string, below = ""): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const entry of Deno.readDir(join(folder, below))) {
    const name = join(below, entry.name);
    if (entry.isDirectory) {
      for (const [key, value] of await digests(folder, name)) found.set(key, value);
    } else {
      const bytes = await Deno.readFile(join(folder, name));
      found.set(name, createHash("sha256").update(bytes).digest("hex"));
    }
  }
  return found;
}

function readCsv(path: string): Record<string, string>[] {
  return parse(Deno.readTextFileSync(path), { columns: true });
}

Deno.test("equal seeds give equal bytes, another seed another night", async () => {
  await withNight(small, (first) =>
    withNight(small, async (second) => {
      const files = await digests(first);
      // 2 lights, 2 flats, 2 bias, 1 dark, 2 site files, 2 catalogues, 1 reference, 3 tables, 2 WCS.
      assert.equal(files.size, 17);
      assert.deepEqual(new Map([...files].sort()), new Map([...await digests(second)].sort()));
      await withNight({ ...small, seed: 2 }, async (third) => {
        const others = await digests(third);
        for (const [name, digest] of files) {
          if (name.endsWith(".fits")) assert.notEqual(others.get(name), digest, name);
        }
      });
    }));
});

Deno.test("the folder is a site that loadSite() understands", async () => {
  await withNight(small, async (out, night) => {
    const made = await loadSite({ folder: night.site, env: {} });
    assert.equal(made.paths.base, join(out, "gppy"));
    assert.equal(join(made.paths.obsdata, "7DT07", "2024-04-23_gain2750"), night.night);
    assert.ok(made.target("T09614"));
    const stars = await readReferenceCsv(
      join(made.paths.refcat, "gaiaxp_dr3_synphot_T09614.csv"),
      "m600",
    );
    assert.ok(stars.length > 10);
    const { objects } = await readLdac(join(made.paths.refScamp, "T09614.cat"));
    for (const name of "X_WORLD Y_WORLD ERRA_WORLD ERRB_WORLD MAG MAGERR OBSDATE".split(" ")) {
      assert.ok(objects.has(name), name);
    }
    assert.ok(objects.rows > stars.length);
  });
});

Deno.test("a raw frame is named and described as the telescope does it", async () => {
  await withNight({ ...small, lights: 1 }, async (_out, night) => {
    const name = "7DT07_20240423_025312_T09614_m600_1x1_100.0s_0001.fits";
    const { header, width, height } = await readImage(join(night.night, name));
    assert.equal(header.text("IMAGETYP"), "LIGHT");
    assert.equal(header.text("OBJECT"), "T09614");
    assert.equal(header.text("FILTER"), "m600");
    assert.equal(header.number("EXPTIME"), 100);
    assert.equal(header.text("DATE-OBS"), "2024-04-23T02:53:12.000");
    assert.equal(header.number("BZERO"), 32768);
    assert.equal(header.has("CTYPE1"), false);
    assert.deepEqual([width, height], [400, 400]);
    const { light } = night.frames[0]!;
    const [raDeg, decDeg] = light!.wcs.pixelToSky(199.5, 199.5);
    const card = { raDeg: header.requireNumber("RA"), decDeg: header.requireNumber("DEC") };
    const errorArcsec = 3600 * separationDeg({ raDeg, decDeg }, card);
    assert.ok(errorArcsec > 0.5 && errorArcsec < 6, String(errorArcsec));
  });
});

Deno.test("transients keep away from edges and each other and have the S/N asked for", async () => {
  await withNight({ ...small, size: 1024, transients: 20, fading: 3 }, (_out, night) => {
    const rows = readCsv(night.truth.transients);
    assert.equal(rows.length, 23);
    assert.equal(rows.filter(({ kind }) => kind === "fading").length, 3);
    const fresh = rows.filter(({ kind }) => kind === "new").map((row) => Number(row["snr_m600"]));
    assert.ok(Math.min(...fresh) >= 4.99 && Math.max(...fresh) <= 100.1);
    assert.ok(fresh.filter((snr) => snr > 10).length >= 14);
    for (const [i, row] of rows.entries()) {
      const place = { raDeg: Number(row["ra"]), decDeg: Number(row["dec"]) };
      for (const { light } of night.frames) {
        if (!light) continue;
        const [x, y] = light.wcs.skyToPixel(place.raDeg, place.decDeg);
        assert.ok(Math.min(x, y, 1023 - x, 1023 - y) >= 15);
      }
      for (const other of rows.slice(i + 1)) {
        const apart = separationDeg(place, {
          raDeg: Number(other["ra"]),
          decDeg: Number(other["dec"]),
        });
        assert.ok(apart * 3600 / 0.505 > 15);
      }
    }
    assert.ok(rows.some(({ host }) => host !== ""));
    return Promise.resolve();
  });
});

Deno.test("the reference holds fading sources in full and is as deep as asked", async () => {
  await withNight({ ...small, stars: 0, galaxies: 0, fading: 2 }, async (out, night) => {
    const path = join(out, "gppy", "ref_frame", "m600", "ref_7DT_T09614_m600.fits");
    const { data, width, header } = await readImage(path);
    const wcs = wcsFromHeader(header)!;
    const { mean, sigma } = clippedStats(data);
    const gain = header.requireNumber("EGAIN"), readNoise = 1.46 / 0.25 / Math.sqrt(30);
    assert.ok(Math.abs(sigma / Math.hypot(Math.sqrt(mean / gain), readNoise) - 1) < 0.02);
    for (const row of readCsv(night.truth.transients)) {
      const [x, y] = wcs.skyToPixel(Number(row["ra"]), Number(row["dec"]));
      const flux = aperture(data, width, x, y, mean);
      const zeroPoint = header.requireNumber("ZP");
      const expected = 10 ** (0.4 * (zeroPoint - Number(row["mag_m600"])));
      const wanted = row["kind"] === "fading" ? expected / (1 - FADED_SHARE) : 0;
      assert.ok(Math.abs(flux - wanted) < 0.03 * wanted + 5 * sigma * Math.sqrt(Math.PI) * 12);
    }
  });
});

function aperture(
  data: Float32Array,
  width: number,
  x: number,
  y: number,
  sky: number,
): number {
  const radius = 12;
  let sum = 0;
  for (let j = Math.round(y) - radius; j <= Math.round(y) + radius; j++) {
    for (let i = Math.round(x) - radius; i <= Math.round(x) + radius; i++) {
      if (Math.hypot(i - x, j - y) <= radius) sum += data[j * width + i]! - sky;
    }
  }
  return sum;
}

Deno.test("truncated and aborted frames come on top of the good ones", async () => {
  await withNight({ ...small, truncated: 1, aborted: 1 }, async (_out, night) => {
    const rows = readCsv(night.truth.frames).filter((row) => row["image_type"] === "light");
    assert.deepEqual(rows.map(({ fate }) => fate), ["whole", "whole", "truncated", "aborted"]);
    await assert.rejects(scanFits(join(night.night, rows[2]!["file"]!)), DataError);
    const { header } = await readImage(join(night.night, rows[3]!["file"]!));
    assert.ok(header.requireNumber("EXPTIME") <= 30);
    assert.equal(header.number("EXPREQ"), 100);
  });
});

Deno.test("calibration frames are left out on request", async () => {
  const without = { noBias: true, noDarks: true, noFlats: "m600", noReference: true };
  await withNight({ ...small, ...without }, async (out, night) => {
    assert.deepEqual(night.frames.map(({ frame }) => frame.imageType), ["light", "light"]);
    await assert.rejects(Deno.stat(join(out, "gppy", "ref_frame")), Deno.errors.NotFound);
  });
});

Deno.test("a night that is there already is written over only on request", async () => {
  const tiny = { ...small, size: 256, lights: 1, transients: 0, fading: 0 };
  await withNight(tiny, async (out) => {
    await assert.rejects(simulate(tiny, { out, site }), UsageError);
    await simulate({ ...tiny, flats: 0 }, { out, site, force: true });
    const names = [...Deno.readDirSync(join(out, "obsdata", "7DT07", "2024-04-23_gain2750"))];
    assert.equal(names.length, 4);
  });
});

Deno.test("wrong parameters are refused by name", async () => {
  const wrong: [SimulateInput, RegExp][] = [
    [{ filters: "m451" }, /filters.*unknown filter "m451"/],
    [{ size: "10x10" }, /size/],
    [{ date: "yesterday" }, /date/],
  ];
  for (const [input, message] of wrong) {
    await assert.rejects(simulate(input, { out: "/nonexistent", site }), (error: Error) => {
      return error instanceof UsageError && message.test(error.message);
    });
  }
});
