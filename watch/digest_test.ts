import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { loadSite } from "../config/site.ts";
import type { Manifest } from "../stages/manifest.ts";
import { writeManifest } from "../stages/manifest_file.ts";
import { describeDigest, digestDay, gatherDigest, sendDigest } from "./digest.ts";
import type { Message, Notifier } from "./notify.ts";

const NOW = Date.parse("2024-04-24T12:00:00Z");

async function withSite(test: (base: string) => Promise<void>): Promise<void> {
  const base = await Deno.makeTempDir({ prefix: "gppy-digest-" });
  try {
    await test(base);
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

const loadAt = (base: string) => loadSite({ base, env: {} });

function manifest(base: string, unit: string, date: string): Manifest {
  const known = { from: [], measured: {}, gates: [], stage: "x", bytes: 1, sha256: "0".repeat(64) };
  const product = (id: string, kind: "raw" | "frame" | "stack", measured = {}) => ({
    ...known,
    id,
    kind,
    path: `/x/${id}`,
    measured,
  });
  return {
    gppyManifest: 1,
    night: { unit, date, source: "/x", work: join(base, "work", unit, date) },
    products: [
      product("r1", "raw"),
      product("r2", "raw"),
      product("f1", "frame"),
      product("s1", "stack", { depth5: 19.876 }),
    ],
    left: [{
      id: "r2",
      stage: "calib",
      error: "Gate",
      message: "too bright",
      details: {},
      retryable: false,
      products: [],
    }],
    stages: [{
      name: "detect",
      gppy: "0",
      tools: {},
      device: "cpu",
      parameters: {},
      started: "",
      elapsedS: 1,
      inputDigest: "",
      outputDigest: "",
      metrics: { candidates: 7, transients: 1 },
    }],
  };
}

async function writeLog(path: string, ...lines: readonly string[]): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, ["date,start,end,note", ...lines, ""].join("\n"));
}

Deno.test("the digest tells of the nights of the last day, whoever ran them", () =>
  withSite(async (base) => {
    const site = await loadAt(base);
    await writeLog(
      site.paths.log("7DT07"),
      "2024-04-21,2024-04-22T10:00:00Z,2024-04-22T11:00:00Z,done",
      "2024-04-23,2024-04-24T08:00:00Z,2024-04-24T08:10:00Z,failed in stack: disk full",
      "2024-04-23,2024-04-24T09:00:00Z,2024-04-24T09:52:00Z,partial",
      "half a li",
    );
    await writeLog(
      site.paths.log("7DT08"),
      '2024-04-23,2024-04-24T09:00:00Z,2024-04-24T09:00:09Z,failed in calib: "x" <y>',
    );
    const night = manifest(base, "7DT07", "2024-04-23");
    const work = join(base, "work", "7DT07", "2024-04-23_gain2750");
    await writeManifest(join(work, "02-astrom.json"), { ...night, products: [] });
    await writeManifest(join(work, "10-curate.json"), night);
    assert.equal(
      describeDigest(await gatherDigest(site, NOW)),
      ":sunrise: :red_circle: *Morning digest* 2024-04-24: 2 nights: 0 done, 1 with something " +
        "left behind, 1 failed\nTogether: 1 frames from 2 raw ones, 1 transients\n" +
        "• *7DT07* 2024-04-23: partial in 52 min: 1 frames of 2 raw, 1 stacks to 19.88 mag, " +
        "1 transients of 7, 1 left behind\n" +
        '• *7DT08* 2024-04-23: failed in calib: "x" &lt;y&gt; in 9 s',
    );
  }));

Deno.test("the digest of a day without nights says so", () =>
  withSite(async (base) => {
    const text = describeDigest(await gatherDigest(await loadAt(base), NOW));
    assert.match(text, /: 0 nights: 0 done, 0 with something left behind, 0 failed$/);
  }));

Deno.test("the digest of a day has one key", () =>
  withSite(async (base) => {
    const said: Message[] = [];
    const notifier: Notifier = {
      active: true,
      tell: () => true,
      say: (message) => said.push(message) > 0,
      flush: () => Promise.resolve({ sent: 0, waiting: 0, againMs: undefined }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const site = await loadAt(base);
    for (const hours of [0, 1, 24]) await sendDigest(site, notifier, NOW + hours * 3_600_000);
    assert.deepEqual(said.map(({ key }) => key), [
      "digest/2024-04-24",
      "digest/2024-04-24",
      "digest/2024-04-25",
    ]);
  }));

Deno.test("the day of the digest begins at its hour", () => {
  const at = (text: string) => digestDay(13, Date.parse(`2024-04-${text}Z`));
  assert.equal(at("24T12:59"), "2024-04-23");
  assert.equal(at("24T13:00"), "2024-04-24");
  assert.equal(at("25T12:59"), "2024-04-24");
});
