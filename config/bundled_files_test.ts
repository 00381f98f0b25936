import assert from "node:assert/strict";
import { join } from "node:path";
import { BUNDLED_FILES, bundledFile } from "./bundled_files.ts";
import { GAUSS_MASKS, gaussMask, gaussMaskName, nearestGaussMask } from "./gauss_conv.ts";

const DEFAULTS = join(import.meta.dirname ?? ".", "defaults");

async function withFolder(test: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gppy-defaults-test-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("every file of config/defaults is bundled, and nothing else", () => {
  const names = [...Deno.readDirSync(DEFAULTS)].map((entry) => entry.name).sort();
  assert.deepEqual([...BUNDLED_FILES.keys()].sort(), names);
  for (const name of names) {
    assert.equal(BUNDLED_FILES.get(name), Deno.readTextFileSync(join(DEFAULTS, name)), name);
  }
});

Deno.test("bundledFile() gives the file of the source tree itself", () => {
  assert.equal(bundledFile("7dt.sex", {}), join(DEFAULTS, "7dt.sex"));
});

Deno.test("bundledFile() extracts to the cache folder where there is no source tree", async () => {
  await withFolder((folder) => {
    const path = bundledFile("7dt.scamp", { XDG_CACHE_HOME: folder }, "/no/such/tree");
    assert.ok(path.startsWith(join(folder, "gppy", "defaults-")), path);
    assert.equal(Deno.readTextFileSync(path), BUNDLED_FILES.get("7dt.scamp"));
    const home = bundledFile("7dt.scamp", { HOME: folder }, "/no/such/tree");
    assert.ok(home.startsWith(join(folder, ".cache", "gppy", "defaults-")), home);
  });
});

Deno.test("bundledFile() mends a damaged copy and leaves no partial file", async () => {
  await withFolder((folder) => {
    const env = { XDG_CACHE_HOME: folder };
    const path = bundledFile("obs.dat", env, "/no/such/tree");
    Deno.writeTextFileSync(path, "cut o");
    assert.equal(bundledFile("obs.dat", env, "/no/such/tree"), path);
    assert.equal(Deno.readTextFileSync(path), BUNDLED_FILES.get("obs.dat"));
    assert.deepEqual([...Deno.readDirSync(join(path, ".."))].map(({ name }) => name), ["obs.dat"]);
  });
});

Deno.test("bundledFile() falls back to a temporary folder where the cache cannot be written", async () => {
  await withFolder((folder) => {
    const file = join(folder, "file");
    Deno.writeTextFileSync(file, "");
    const path = bundledFile("7dt.swarp", { XDG_CACHE_HOME: file }, "/no/such/tree");
    assert.equal(Deno.readTextFileSync(path), BUNDLED_FILES.get("7dt.swarp"));
    Deno.removeSync(join(path, ".."), { recursive: true });
  });
});

Deno.test("a bundle of the program run from elsewhere still finds its default files", async () => {
  await withFolder(async (folder) => {
    const root = join(import.meta.dirname ?? ".", "..");
    const bundle = join(folder, "site.js");
    const built = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--quiet", "--output", bundle, join(root, "config/bundled_files.ts")],
      cwd: root,
    }).output();
    assert.equal(built.code, 0, new TextDecoder().decode(built.stderr));
    const script = `import { bundledFile } from ${JSON.stringify(`file://${bundle}`)};
      console.log(bundledFile("7dt.sex", { XDG_CACHE_HOME: ${JSON.stringify(folder)} }));`;
    const run = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-config", script],
      cwd: folder,
      env: { DENO_NO_UPDATE_CHECK: "1" },
    }).output();
    const path = new TextDecoder().decode(run.stdout).trim();
    assert.equal(run.code, 0, new TextDecoder().decode(run.stderr));
    assert.ok(path.startsWith(join(folder, "gppy")), path);
    assert.equal(Deno.readTextFileSync(path), BUNDLED_FILES.get("7dt.sex"));
  });
});

Deno.test("the bundled masks follow the formula", () => {
  for (const [fwhmPx, sidePx] of GAUSS_MASKS) {
    const text = BUNDLED_FILES.get(gaussMaskName(fwhmPx, sidePx));
    assert.equal(text, gaussMask(fwhmPx, sidePx));
    const rows = (text ?? "").trim().split("\n").slice(2).map((row) => row.split(" ").map(Number));
    assert.equal(rows.length, sidePx);
    assert.ok(rows.every((row) => row.length === sidePx));
    const half = (sidePx - 1) / 2;
    assert.equal(rows[half]?.[half], 1);
    // half the peak at half the width, by the mask's own values between whole pixels
    const sigmaPx = fwhmPx / (2 * Math.sqrt(2 * Math.LN2));
    const beside = rows[half]?.[half + 1] ?? NaN;
    assert.ok(Math.abs(beside - Math.exp(-0.5 / sigmaPx ** 2)) < 1e-6);
  }
});

Deno.test("nearestGaussMask() takes the width nearest in ratio", () => {
  assert.equal(nearestGaussMask(0.9), "gauss_1.5_3x3.conv");
  assert.equal(nearestGaussMask(2.9), "gauss_3.0_7x7.conv");
  assert.equal(nearestGaussMask(12), "gauss_5.0_11x11.conv");
});
