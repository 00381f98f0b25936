/** The commands around the watcher, as an operator uses them. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT, runGppy } from "./run_program.ts";

const NIGHT = "2024-04-23_gain2750";

Deno.test("gppy watch, status, history, park and retry speak of the same nights", async (t) => {
  const folder = await Deno.makeTempDir();
  const base = ["--base", join(folder, "gppy")];
  const gppy = async (...args: string[]) => {
    const { code, stdout, stderr } = await runGppy([...args, ...base]);
    return { code, stdout: stdout.trim(), stderr: stderr.trim() };
  };
  const watch = (...args: string[]) =>
    gppy("watch", "7DT07", "--once", "--grace-s", "0", "--min-free-disk-gb", "0", ...args);
  try {
    await t.step("before the first watcher there is nothing to tell", async () => {
      assert.equal((await gppy("status")).stdout, "no watcher has run here yet");
      assert.equal((await gppy("status", "--json")).stdout, "null");
      const retry = await gppy("retry", "7DT07", NIGHT);
      assert.equal(retry.code, 2);
      assert.match(retry.stderr, /gppy watch has not run here yet/);
    });
    await t.step("a watcher needs known telescopes", async () => {
      assert.match((await gppy("watch")).stderr, /say which telescopes/);
      const unknown = await gppy("watch", "NEMO");
      assert.equal(unknown.code, 2);
      assert.match(unknown.stderr, /Cannot find the unit "NEMO"/);
    });
    await t.step("cron's watcher lets a night arrive first", async () => {
      await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--quiet",
          join(ROOT, "tests", "tiny_night.ts"),
          join(folder, "obsdata", "7DT07", NIGHT),
        ],
      }).output();
      const { code, stderr } = await watch("--grace-s", "3600");
      assert.equal(code, 0, stderr);
      assert.match((await gppy("status")).stdout, /arriving {2}11 files; files may still come/);
    });
    await t.step("a night can be put aside and taken back", async () => {
      const parked = await gppy("park", "7DT07", "2024-04-23", "--reason", "clouds");
      assert.equal(parked.stdout, `7DT07 ${NIGHT}: parked`);
      await watch();
      assert.match((await gppy("status")).stdout, /parked {2}clouds/);
      assert.equal((await gppy("retry", "--parked")).stdout, `7DT07 ${NIGHT}: back in the queue`);
      assert.equal((await gppy("retry", "--parked")).stdout, "no night is parked");
    });
    await t.step("then it goes through every stage", async () => {
      const { code, stderr } = await watch();
      assert.equal(code, 0, stderr);
      const status = JSON.parse((await gppy("status", "--json")).stdout);
      assert.deepEqual(status.counts, { partial: 1 });
      assert.equal(status.nights[0].leftBehind, 2);
      const history = JSON.parse((await gppy("history", "7DT07", "--json")).stdout);
      assert.deepEqual(
        history.map(({ stage, outcome }: Record<string, string>) => `${stage} ${outcome}`),
        ["ingest", "calib", "astrom", "phot", "stack", "phot", "subtract", "detect", "curate"]
          .map((stage) => `${stage} done`),
      );
    });
    await t.step("a night that is done is done again only when that is asked for", async () => {
      const { stdout } = await gppy("retry", "7DT07", NIGHT);
      assert.equal(stdout, `7DT07 ${NIGHT}: is partial; --again does it once more`);
      assert.match((await gppy("retry", "7DT07", NIGHT, "--again")).stdout, /back in the queue/);
      await watch();
      const history = JSON.parse((await gppy("history", "7DT07", "--json")).stdout);
      assert.deepEqual(
        history.slice(9).map(({ run, outcome }: { run: number; outcome: string }) =>
          `${run} ${outcome}`
        ),
        ["2 done", ...Array(8).fill("2 skipped")],
      );
    });
    await t.step("an unknown night is said to be so", async () => {
      const { code, stderr } = await gppy("park", "7DT07", "2020-01-01");
      assert.equal(code, 2);
      assert.match(stderr, /Cannot find the night "7DT07 2020-01-01" in the journal/);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
