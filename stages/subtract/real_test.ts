import assert from "node:assert/strict";
import { join } from "node:path";
import { readImage } from "../../fits/image.ts";
import { lagCorrelations } from "./_pulls.ts";
import { absent, DECAM, peakNear, runReal, SAAO, saaoFrame } from "./_real_data.ts";

async function inFolder(work: (base: string) => Promise<void>): Promise<void> {
  const base = await Deno.makeTempDir({ prefix: "gppy-real-" });
  try {
    await work(base);
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

/** The frames of the event's night, from its rise until it has faded by a fifth. */
const NIGHT = ["0091", "0092", "0093", "0094", "0096", "0097", "0098", "0100"];
NIGHT.push("0101", "0102", "0103", "0104", "0119", "0123", "0124");
/** A round one of the night after. */
const AFTER = "0170";

Deno.test(
  "SAAO crowded field: the event of 2013-08-03 stands in every frame of its night",
  { ignore: absent(SAAO) },
  async () => {
    await inFolder(async (base) => {
      const reference = (await saaoFrame(base, AFTER)).path;
      for (const name of NIGHT) {
        const { path, event } = await saaoFrame(base, name);
        const frame = { id: name, path, object: "KB13475", filter: "I" };
        const run = await runReal(base, frame, { engine: "native", reference, score: true });
        assert.deepEqual(run.left, [], name);
        const found = await peakNear(run.product("score").path, event);
        // An aperture on the mean of other frames gives it 20,000 to 85,000 ADU at 150 to 400 ADU.
        assert.ok(found.value > 50, `${name}: score ${found.value}`);
        assert.ok(
          Math.hypot(found.x - event.x, found.y - event.y) < 2.5,
          `${name}: ${found.x},${found.y}`,
        );
        assert.ok(run.measured("powerLeft") < 0.1, `${name}: ${run.measured("powerLeft")} left`);
        assert.ok(Math.abs(run.measured("pullSigma") - 1) < 0.15, name);
        assert.ok(
          run.measured("starPullSigma") < 2.5,
          `${name}: stars ${run.measured("starPullSigma")}`,
        );
        await Deno.remove(join(run.difference.path, ".."), { recursive: true });
      }
    });
  },
);

Deno.test(
  "SAAO crowded field: saturated stars are masked, and little is left around them",
  { ignore: absent(SAAO) },
  async () => {
    await inFolder(async (base) => {
      const reference = (await saaoFrame(base, AFTER)).path;
      const { path } = await saaoFrame(base, "0094");
      const frame = { path, object: "KB13475", filter: "I" };
      const run = await runReal(base, frame, { engine: "native", reference });
      const { data, width, height } = await readImage(run.difference.path);
      const weight = (await readImage(run.product("weight").path)).data;
      const science = (await readImage(path)).data;
      const saturated = [...science.keys()].filter((i) => science[i]! >= 60000);
      assert.ok(saturated.length > 20);
      for (const i of saturated) assert.equal(weight[i], 0, "a saturated pixel has no weight");
      let looked = 0, loud = 0;
      for (let y = 30; y < height - 30; y++) {
        for (let x = 30; x < width - 30; x++) {
          const i = y * width + x;
          if (!(weight[i]! > 0)) continue;
          const near = saturated.some((k) =>
            Math.hypot(k % width - x, Math.floor(k / width) - y) < 25
          );
          if (!near) continue;
          looked++;
          if (Math.abs(data[i]!) * Math.sqrt(weight[i]!) > 6) loud++;
        }
      }
      assert.ok(loud < 0.05 * looked, `${loud} of ${looked} pixels beyond 6 sigma`);
    });
  },
);

/** Spread and correlation of neighbours away from the border and from sources. */
function noiseOf(data: Float32Array) {
  const middle = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
  const inside = (i: number) => {
    const x = i % 256, y = Math.floor(i / 256);
    return Math.min(x, y) >= 30 && Math.max(x, y) < 226 && Number.isFinite(data[i]!) &&
      data[i] !== 0;
  };
  const known = [...data.keys()].filter(inside);
  const level = middle(known.map((i) => data[i]!));
  const sigma = 1.4826 * middle(known.map((i) => Math.abs(data[i]! - level)));
  const bare = new Uint8Array(data.length);
  for (const i of known) if (Math.abs(data[i]! - level) < 4 * sigma) bare[i] = 1;
  const pulls = data.map((value) => (value - level) / sigma);
  return { sigma, neighbours: Math.max(...lagCorrelations(pulls, bare, 256, 3).map(Math.abs)) };
}

async function decam(base: string, engine: string) {
  const frame = { path: join(DECAM, "Stack-DEC-OBS04.fits"), object: "X", filter: "i" };
  const reference = join(DECAM, "Stack-DEC-OBS18.fits");
  return await runReal(base, frame, { engine, reference, decorrelate: true, score: true });
}

Deno.test(
  "DECam cut-outs: as quiet as the published difference within a tenth, and the supernova in it",
  { ignore: absent(DECAM) },
  async () => {
    await inFolder(async (base) => {
      const run = await decam(base, "native");
      assert.deepEqual(run.left, []);
      const own = noiseOf((await readImage(run.difference.path)).data);
      const published = noiseOf((await readImage(join(DECAM, "FinalDifference.fits"))).data);
      const ratio = own.sigma / published.sigma;
      assert.ok(ratio < 1.1 && ratio > 0.9, `spread ${ratio} of the published`);
      assert.ok(Math.abs(own.neighbours - published.neighbours) < 0.05, "as correlated");
      assert.ok(Math.abs(run.measured("pullSigma") - 1) < 0.15);
      const peak = await peakNear(run.difference.path, { x: 130, y: 130 }, 10);
      assert.ok(peak.value > 10 * 9.3, `peak ${peak.value}`);
    });
  },
);

for (const engine of ["native", "zogy"]) {
  Deno.test(
    `DECam cut-outs: ${engine} decorrelated is whiter than the published decorrelated difference`,
    { ignore: absent(DECAM) },
    async () => {
      await inFolder(async (base) => {
        const run = await decam(base, engine);
        const own = noiseOf((await readImage(run.product("decorr").path)).data);
        const published = noiseOf(
          (await readImage(join(DECAM, "FinalDifference.DeCorr.fits"))).data,
        );
        assert.ok(
          own.neighbours < published.neighbours,
          `${own.neighbours} ${published.neighbours}`,
        );
        assert.ok(own.neighbours < 0.12, `${own.neighbours}`);
        const score = await peakNear(run.product("score").path, { x: 130, y: 130 }, 10);
        assert.ok(score.value > 12, `score ${score.value}`);
      });
    },
  );
}
