import assert from "node:assert/strict";
import { join } from "node:path";
import { BUNDLED_FILES } from "./bundled_files.ts";
import { UsageError } from "./errors.ts";
import { loadSite, type Site } from "./site.ts";
import { starterFiles } from "./starter.ts";
import { parseTable } from "./table.ts";
import { ccdTable, fringeTable, obsTable, ruleTable, targetTable } from "./site_tables.ts";

const TEST_SITE = join(import.meta.dirname ?? ".", "../tests/site");
const HOME = { HOME: "/home/observer" };

async function withFolder(
  files: Readonly<Record<string, string>>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-site-" });
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(folder, name), text);
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function failureOf(files: Readonly<Record<string, string>>): Promise<UsageError> {
  let caught: unknown;
  await withFolder(files, async (folder) => {
    caught = await loadSite({ folder, env: HOME }).catch((error: unknown) => error);
  });
  assert.ok(caught instanceof UsageError, String(caught));
  return caught;
}

function source(site: Site, name: string): string | undefined {
  return site.explain().find((entry) => entry.name === name)?.source;
}

Deno.test("loadSite() without a folder gives the bundled units and ./gppy", async () => {
  const site = await loadSite({ env: {} });
  assert.equal(site.folder, null);
  assert.equal(site.units.size, 20);
  const unit = site.unit("7DT07");
  assert.equal(unit.gainEAdu, 0.25);
  assert.deepEqual([unit.width, unit.height], [9576, 6388]);
  assert.ok(Math.abs(unit.fieldDeg[0] - 9576 * 0.505 / 3600) < 0.001);
  assert.deepEqual([unit.latDeg, unit.lonDeg, unit.heightM], [-30.4725, -70.7631, 1710]);
  assert.equal(site.paths.base, join(Deno.cwd(), "gppy"));
  assert.equal(source(site, "path.base"), "default");
});

Deno.test("loadSite() derives every folder from path_base", async () => {
  await withFolder({ "path.json": '{"path_base": "/data/gppy"}' }, async (folder) => {
    const { paths } = await loadSite({ folder, env: {} });
    assert.deepEqual({ ...paths, log: paths.log("7DT03") }, {
      base: "/data/gppy",
      obsdata: "/data/obsdata",
      processed: "/data/processed_1x1_gain2750",
      refcat: "/data/gppy/ref_cat",
      refScamp: "/data/gppy/ref_scamp",
      log: "/data/gppy/log/7DT03.log",
      masters: "/data/gppy/master_frame_1x1_gain2750",
      references: "/data/gppy/ref_frame",
      work: "/data/gppy/work",
    });
  });
});

Deno.test("loadSite() takes flag before environment before path.json before default", async () => {
  const text = `{
    // where products go
    "path_base": "data", # relative to this file
    "path_obsdata": "<path_base>/raw", /* here */
    "path_refcat": "~/cat",
  }`;
  await withFolder({ "path.json": text }, async (folder) => {
    const file = await loadSite({ folder, env: HOME });
    assert.equal(file.paths.base, join(folder, "data"));
    assert.equal(file.paths.obsdata, join(folder, "data/raw"));
    assert.equal(file.paths.refcat, "/home/observer/cat");
    assert.equal(source(file, "path.base"), `${join(folder, "path.json")}:3`);
    assert.equal(source(file, "path.obsdata"), `${join(folder, "path.json")}:4`);
    assert.equal(source(file, "path.work"), "default");
    const env = { ...HOME, GPPY_PATH_BASE: "/env", GPPY_PATH_OBSDATA: "/raw", GPPY_CONFIG: folder };
    const environment = await loadSite({ env });
    assert.equal(environment.paths.base, "/env");
    assert.equal(environment.paths.obsdata, "/raw");
    assert.equal(source(environment, "path.obsdata"), "environment GPPY_PATH_OBSDATA");
    assert.equal(source(environment, "config"), "environment GPPY_CONFIG");
    const flag = await loadSite({ env, base: "/flag" });
    assert.equal(flag.paths.base, "/flag");
    assert.equal(flag.paths.work, "/flag/work");
    assert.equal(source(flag, "path.base"), "flag --base");
  });
});

Deno.test("loadSite() says which line of path.json is wrong", async () => {
  const cases: [text: string, message: RegExp][] = [
    ["{}", /path\.json:1": "path_base" is required/],
    ['{"path_base": "/d",\n"path_bias": "/x"}', /path\.json:2": unknown key "path_bias"; known/],
    ['{\n"path_base": 7}', /path\.json:2": "path_base": .*expected string/],
    ['{\n\n"path_base": ""}', /path\.json:3": "path_base"/],
    ['{\n"path_base": "/d"\n"path_work": "/w"}', /path\.json:3"/],
    ['{"path_base": "/d"', /path\.json:1"/],
    ["[]", /path\.json:1"/],
    ["", /path\.json:1"/],
  ];
  for (const [text, message] of cases) {
    assert.match((await failureOf({ "path.json": text })).message, message, text);
  }
});

Deno.test("loadSite() refuses a site folder that does not exist or is a file", async () => {
  await assert.rejects(loadSite({ folder: "/no/such/folder", env: {} }), {
    name: "UsageError",
    message:
      'Cannot use the site folder "/no/such/folder" (flag --config): there is no such folder',
  });
  await withFolder({ x: "" }, async (folder) => {
    await assert.rejects(loadSite({ folder: join(folder, "x"), env: {} }), /it is not a folder/);
  });
});

Deno.test("loadSite() lets own rows of a table win over bundled ones", async () => {
  const head = BUNDLED_FILES.get("obs.dat")?.split("\n").find((line) => line.startsWith("unit"));
  const files = {
    "obs.dat": `${head}\n7DT07 0.3 2 0.505 - - 90 -1 0 289.2369 0 50000 100 50\n`,
    "changehdr.dat": 'unit keyword from to\n7DT07 FILTER "" m600\n* IMAGETYP object FLAT\n',
    "alltarget.dat": 'object ra dec\n"NGC 1566" 04:20:00.4 -54:56:16\n',
  };
  await withFolder(files, async (folder) => {
    const site = await loadSite({ folder, env: {} });
    const unit = site.unit("7DT07");
    assert.equal(site.units.size, 20);
    assert.equal(unit.parity, -1);
    assert.ok(Math.abs(unit.lonDeg + 70.7631) < 1e-9, "east longitudes above 180 are wrapped");
    assert.ok(Math.abs(unit.fieldDeg[0] - 100 * 0.505 / 3600) < 1e-12);
    assert.equal(source(site, "unit.7DT07"), `${join(folder, "obs.dat")}:2`);
    assert.match(source(site, "unit.7DT08") ?? "", /^bundled obs\.dat:\d+$/);
    assert.deepEqual(site.headerRules.slice(0, 2), [
      { unit: "7DT07", keyword: "FILTER", from: "", to: "m600" },
      { unit: "*", keyword: "IMAGETYP", from: "object", to: "FLAT" },
    ]);
    assert.equal(site.headerRules.filter(({ from }) => from === "object").length, 1);
    assert.ok(Math.abs((site.target("ngc 1566")?.raDeg ?? NaN) - 65.001667) < 1e-6);
    assert.equal(site.target("NGC 1"), undefined);
  });
});

Deno.test("loadSite() says which row of a table is wrong", async () => {
  const obs =
    "unit gain_e_adu read_noise_e pixel_scale_arcsec rotation_deg parity lat_deg lon_deg " +
    "height_m saturation_adu width_px height_px\n";
  const cases: [files: Record<string, string>, message: RegExp][] = [
    [
      { "obs.dat": `${obs}X 0 1 1 0 1 0 0 0 1 1 1` },
      /obs\.dat:2: column "gain_e_adu": must be above 0/,
    ],
    [
      { "obs.dat": `${obs}X 1 1 1 0 2 0 0 0 1 1 1` },
      /obs\.dat:2: column "parity": must be 1 or -1/,
    ],
    [{ "obs.dat": `${obs}X 1 1 1 0 1 91 0 0 1 1 1` }, /column "lat_deg": must be at most 90/],
    [{ "obs.dat": `${obs}X 1 1 1 0 1 0 0 0 1 - 1` }, /column "field_w_deg"/],
    [{ "obs.dat": `${obs}X/Y 1 1 1 0 1 0 0 0 1 1 1` }, /column "unit": not a code/],
    [
      { "changehdr.dat": "unit keyword from to\n# x\n7DT99 FILTER a b\n" },
      /changehdr\.dat:3: column "unit": unknown unit "7DT99"; known are \*, 7DT01/,
    ],
    [
      { "changehdr.dat": "unit keyword from to\n* filter a b\n" },
      /:2: column "keyword": not a FITS/,
    ],
    [
      { "fringe.dat": "unit filter image\nNOPE z f.fits\n" },
      /fringe\.dat:2: .*unknown unit "NOPE"/,
    ],
    [{ "alltarget.dat": "object ra dec\nM31 25:00:00 41\n" }, /:2: column "ra": not an angle/],
    [
      {
        "ccd.dat":
          "unit camera pixel_um gain_e_adu read_noise_e saturation_adu dark_e_s overscan\n" +
          "7DT01 C 3.76 1 1 1 0 1:10\n",
      },
      /ccd\.dat:2: column "overscan": not a region such as \[1:10,1:520\], found "1:10"/,
    ],
  ];
  for (const [files, message] of cases) assert.match((await failureOf(files)).message, message);
});

Deno.test("unit() of an unknown code lists the known ones", async () => {
  const site = await loadSite({ env: {} });
  assert.throws(
    () => site.unit("7DT21"),
    /Cannot find the unit "7DT21" in obs\.dat: known are 7DT01/,
  );
});

Deno.test("camera() finds the row of the gain setting, else of the unit", async () => {
  const site = await loadSite({ folder: TEST_SITE, env: {} });
  assert.equal(site.camera("7DT01", 2750)?.gainEAdu, 0.25);
  assert.equal(site.camera("7DT01", 0)?.gainEAdu, 0.8);
  assert.equal(site.camera("7DT01")?.gainSetting, 2750);
  assert.equal(site.camera("7DT01", 100), undefined);
  assert.equal(site.camera("ARCSAT", 1)?.name, "dcam-spare");
});

Deno.test("the cameras of the real frames stand in tests/site with their orientation", async () => {
  const site = await loadSite({ folder: TEST_SITE, env: {} });
  const orientation = ["ARCSAT", "SAAO", "CECILIA"].map((code) => {
    const { parity, rotationDeg } = site.unit(code);
    const cos = Math.round(Math.cos(rotationDeg * Math.PI / 180));
    return [code, -parity * cos, cos]; // signs of CD1_1 and CD2_2
  });
  assert.deepEqual(orientation, [["ARCSAT", -1, -1], ["SAAO", -1, 1], ["CECILIA", -1, -1]]);
  assert.ok(Math.abs(site.unit("ARCSAT").fieldDeg[0] * 60 - 11.4) < 0.1);
});

Deno.test("stageSettings() gives the section of a stage, and explain() its lines", async () => {
  const text = '# mine\n[stack]\nclipSigma = 4\n\n[phot]\napertures = [1, 2]\nfilter = "m600"\n';
  await withFolder({ "gppy.toml": text }, async (folder) => {
    const site = await loadSite({ folder, env: {} });
    assert.deepEqual(site.stageSettings("stack"), { clipSigma: 4 });
    assert.deepEqual(site.stageSettings("phot"), { apertures: [1, 2], filter: "m600" });
    assert.deepEqual(site.stageSettings("calib"), {});
    assert.deepEqual(site.settingsSections, ["stack", "phot"]);
    assert.equal(source(site, "phot.filter"), `${join(folder, "gppy.toml")}:7`);
  });
});

Deno.test("loadSite() says which line of gppy.toml is wrong", async () => {
  const cases: [text: string, message: RegExp][] = [
    ["[stack]\nclipSigma = \n", /gppy\.toml:2"/],
    ["clipSigma = 4\n", /gppy\.toml:1": "clipSigma" stands outside a section/],
    ["[stack]\n\nwhen = 2024-04-23\n", /gppy\.toml:3": \[stack\] "when" is neither text/],
    ["[stack]\na = 1\na = 2\n", /gppy\.toml:3"/],
  ];
  for (const [text, message] of cases) {
    assert.match((await failureOf({ "gppy.toml": text })).message, message, text);
  }
});

Deno.test("file() prefers the site's own file and names the known ones", async () => {
  await withFolder({ "7dt.sex": "DETECT_THRESH 9\n" }, async (folder) => {
    const site = await loadSite({ folder, env: {} });
    assert.equal(site.file("7dt.sex"), join(folder, "7dt.sex"));
    assert.match(site.file("7dt.scamp"), /config\/defaults\/7dt\.scamp$/);
    assert.throws(
      () => site.file("8dt.sex"),
      /Cannot find the settings file "8dt\.sex": known are/,
    );
    assert.throws(() => site.file("../path.json"), UsageError);
  });
});

Deno.test("the starter folder is a valid site without rows of its own", async () => {
  const files = Object.fromEntries(starterFiles());
  await withFolder(files, async (folder) => {
    const site = await loadSite({ folder, env: {} });
    assert.equal(site.paths.base, "/data/gppy");
    assert.equal(site.paths.obsdata, "/data/obsdata");
    assert.equal(site.units.size, 20);
  });
  for (const table of [obsTable, ccdTable, fringeTable, targetTable, ruleTable]) {
    const text = files[table.file] ?? "";
    const example = text.trimEnd().split("\n").at(-1)?.replace(/^# /, "") ?? "";
    const withExample = text.replace(/# [^\n]*\n$/, `${example}\n`);
    assert.equal(
      parseTable<unknown>(withExample, table.file, {
        file: table.file,
        columns: table.columns,
        toRow: (cells) => cells,
        key: () => "",
      }).length,
      1,
      table.file,
    );
  }
});
