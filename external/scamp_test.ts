import assert from "node:assert/strict";
import { join } from "node:path";
import { DataError, ExternalToolError } from "../config/errors.ts";
import { loadSite } from "../config/site.ts";
import { DATA, entriesOf, inOddFolder, installedTools, isAbsent } from "./_testing.ts";
import { runScamp } from "./scamp.ts";
import { parseScampXml } from "./scamp_xml.ts";

const ignore = isAbsent("neoexchange-scamp");
const GAIA_KEYS = {
  centre: ["XWIN_WORLD", "YWIN_WORLD"],
  error: ["ERRAWIN_WORLD", "ERRBWIN_WORLD"],
  mag: "MAG",
  magError: "MAGERR",
  obsDate: "OBSDATE",
} as const;

function near(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual}, wanted ${expected}`);
}

Deno.test({
  name: "runScamp() solves a real catalogue offline against Gaia as SCAMP does by hand",
  ignore,
  async fn() {
    await inOddFolder(async (folder) => {
      const site = await loadSite({ base: folder, env: {} });
      const catalogue = join(folder, "ldac, test catalog.fits");
      await Deno.copyFile(join(DATA, "neoexchange-scamp/ldac_test_catalog.fits"), catalogue);
      const outcome = await runScamp(installedTools(), {
        catalogues: [catalogue],
        reference: {
          kind: "file",
          path: join(DATA, "neoexchange-scamp/GAIA-DR2.cat"),
          keys: GAIA_KEYS,
        },
        config: site.file("7dt.scamp"),
        // PROVENANCE.txt: SCAMP 2.10, its defaults, degree 3: contrast 24.4/20.8, 102 matched,
        // 0.133"/0.144"; by hand with PIXSCALE_MAXERR 1.2, POSITION_MAXERR 1: 32.2/22.1.
        settings: {
          ...{ PIXSCALE_MAXERR: 1.2, POSITION_MAXERR: 1, FWHM_THRESHOLDS: [0, 100] },
          ...{ FLAGS_MASK: "0x00f0", STABILITY_TYPE: "INSTRUMENT", PROJECTION_TYPE: "SAME" },
        },
        xml: join(folder, "solution.xml"),
      });
      const [solution] = outcome.solutions;
      assert.ok(solution !== undefined);
      assert.equal(solution.path, catalogue);
      near(solution.matched, 102, 1, "matched stars");
      near(solution.rmsArcsec[0], 0.133, 0.002, "rms along x");
      near(solution.rmsArcsec[1], 0.144, 0.002, "rms along y");
      assert.ok(solution.angleContrast > 20 && solution.positionContrast > 20);
      assert.equal(solution.contrast, Math.min(solution.angleContrast, solution.positionContrast));
      near(solution.pixelScaleArcsec[0], 0.4697, 0.0002, "scale");
      assert.match(solution.head, /^CTYPE1 {2}= 'RA---TAN'/m);
      assert.equal(outcome.groups.length, 1);
      assert.deepEqual(entriesOf(folder), ["ldac, test catalog.fits", "solution.xml"]);
    });
  },
});

Deno.test({
  name: "runScamp() explains a catalogue that SCAMP cannot read",
  async fn() {
    await inOddFolder(async (folder) => {
      const site = await loadSite({ base: folder, env: {} });
      const catalogue = join(folder, "bad.cat");
      await Deno.writeTextFile(catalogue, "this is not a catalogue");
      const task = { catalogues: [catalogue], reference: { kind: "none" } } as const;
      const config = site.file("7dt.scamp");
      await assert.rejects(
        runScamp(installedTools(), { ...task, config, xml: join(folder, "s.xml") }),
        (error) => error instanceof ExternalToolError && /scamp/.test(error.message),
      );
      assert.deepEqual(entriesOf(folder), ["bad.cat"]);
    });
  },
});

Deno.test({
  name: "parseScampXml() reads the XML of other versions of SCAMP",
  ignore,
  async fn() {
    for (const name of ["example_scamp.xml", "example_externcat_scamp.xml"]) {
      const path = join(DATA, "neoexchange-scamp", name);
      const report = parseScampXml(await Deno.readTextFile(path), path);
      assert.equal(report.results.length, 1, name);
      const [result] = report.results;
      assert.ok(result!.rmsArcsec.every((rms) => rms > 0 && rms < 1), name);
      assert.ok(result!.matched > 10 && result!.contrast > 1, name);
    }
  },
});

Deno.test("parseScampXml() refuses a document without SCAMP's fields", () => {
  const empty = "<VOTABLE><RESOURCE><TABLE name='Other'></TABLE></RESOURCE></VOTABLE>";
  assert.throws(() => parseScampXml(empty, "x.xml"), DataError);
  const poor = `<VOTABLE><RESOURCE><TABLE name="Fields"><FIELD name="Catalog_Name"/><DATA>
    <TABLEDATA><TR><TD>a.cat</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>`;
  assert.throws(() => parseScampXml(poor, "x.xml"), /no value of/);
});
