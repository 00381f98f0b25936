/** Disks that are full or cannot be written to, for real: small file systems in memory, mounted as root. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { calib } from "../stages/calib/mod.ts";
import { readManifest } from "../stages/manifest_file.ts";
import { fastClock } from "./clock.ts";
import { allSettled, World } from "./_watch_world.ts";

const NIGHT = "2024-04-23_gain2750";
const SETTINGS = { graceS: 30, recheckS: 900 };

async function mount(...args: readonly string[]): Promise<boolean> {
  const { success } = await new Deno.Command("mount", {
    args: [...args],
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}

async function unmount(folder: string): Promise<void> {
  await new Deno.Command("umount", { args: ["-l", folder], stderr: "null" }).output();
}

async function mayMount(): Promise<boolean> {
  const folder = await Deno.makeTempDir();
  const done = Deno.uid() === 0 && await mount("-t", "tmpfs", "-o", "size=64k", "gppy", folder);
  if (done) await unmount(folder);
  await Deno.remove(folder);
  return done;
}

const ignore = !await mayMount();
const note = ignore ? " (skipped: may not mount)" : "";

/** A world one of whose folders is a file system of its own. */
async function withDisk(
  which: "work" | "base",
  size: string,
  test: (world: World, disk: string) => Promise<void>,
): Promise<void> {
  await using world = await World.make((folder) =>
    which === "work" ? { GPPY_PATH_WORK: join(folder, "work") } : {}
  );
  const disk = world.site.paths[which];
  await Deno.mkdir(disk, { recursive: true });
  assert.ok(await mount("-t", "tmpfs", "-o", `size=${size}`, "gppy", disk));
  try {
    await test(world, disk);
  } finally {
    await unmount(disk);
  }
}

Deno.test({
  name: `a night on a full disk is tried again until there is room${note}`,
  ignore,
  fn: () =>
    withDisk("work", "24k", async (world, disk) => {
      await world.addLights("7DT01", NIGHT, ["T1", "T1", "T1", "T1"]);
      const clock = fastClock(2000);
      let error = "";
      await world.watch(([night]) => {
        error = night?.error ?? "";
        return night?.state === "retry";
      }, { clock, settings: SETTINGS });
      assert.match(error, /No space left on device/);
      assert.ok(await mount("-o", "remount,size=1m", disk));
      const nights = await world.watch(allSettled, { clock, settings: SETTINGS });
      assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} done 1`]);
      assert.equal((await world.joined("7DT01", NIGHT)).length, 4);
    }),
});

// Where in the stage the disk is full depends on its size: at a frame, its mask or the manifest.
for (const size of ["40k", "48k", "56k", "64k", "72k", "80k"]) {
  Deno.test({
    name: `a disk of ${size} that fills up within a real stage loses no frame of the night${note}`,
    ignore,
    fn: () => withDisk("work", size, fillDiskInCalib),
  });
}

async function fillDiskInCalib(world: World, disk: string): Promise<void> {
  const script = join(import.meta.dirname ?? ".", "..", "tests", "tiny_night.ts");
  const args = ["run", "-A", "--quiet", "--no-check", script, world.night("7DT01", NIGHT)];
  assert.ok((await new Deno.Command(Deno.execPath(), { args }).output()).success);
  const options = { clock: fastClock(2000), chain: [calib], settings: SETTINGS };
  const [failed] = await world.watch(
    ([night]) => night !== undefined && (night.state === "retry" || night.finished !== null),
    options,
  );
  assert.equal(failed?.state, "retry");
  assert.match(failed?.error ?? "", /No space left on device/);
  assert.ok(await mount("-o", "remount,size=4m", disk));
  const [night] = await world.watch(allSettled, options);
  assert.deepEqual([night?.state, night?.leftBehind], ["done", 0]);
  const { products } = await readManifest(join(disk, "7DT01", NIGHT, "01-calib.json"));
  assert.equal(products.filter(({ kind }) => kind === "frame").length, 2);
}

Deno.test({
  name: `a night on a disk that became read-only is tried again until it can be written to${note}`,
  ignore,
  fn: () =>
    withDisk("work", "1m", async (world, disk) => {
      await world.addLights("7DT01", NIGHT, ["T1"]);
      assert.ok(await mount("-o", "remount,ro", disk));
      const clock = fastClock(2000);
      let error = "";
      await world.watch(([night]) => {
        error = night?.error ?? "";
        return night?.state === "retry";
      }, { clock, settings: SETTINGS });
      assert.match(error, /Read-only file system/);
      assert.ok(await mount("-o", "remount,rw", disk));
      const nights = await world.watch(allSettled, { clock, settings: SETTINGS });
      assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} done 1`]);
    }),
});

Deno.test({
  name: `a journal on a full disk stops nothing for good${note}`,
  ignore,
  fn: () =>
    withDisk("base", "2m", async (world, disk) => {
      await world.addLights("7DT01", NIGHT, ["SLOW", "SLOW", "SLOW"]);
      await world.watch((nights) => nights.length === 1, { settings: { graceS: 60 } });
      const filler = join(disk, "filler");
      const clock = fastClock(100);
      let filled = 0;
      const nights = await world.watch((all) => {
        const now = performance.now();
        if (filled === 0 && all[0]?.running) {
          fill(filler);
          filled = now;
        }
        if (filled > 0 && now - filled > 600) {
          Deno.removeSync(filler);
          filled = Infinity;
        }
        return allSettled(all);
      }, { clock, settings: SETTINGS });
      assert.equal(filled, Infinity);
      assert.deepEqual(World.states(nights), [`7DT01 ${NIGHT} done 1`]);
      using journal = world.journal();
      assert.equal(journal.get("PRAGMA integrity_check")?.["integrity_check"], "ok");
    }),
});

/** Writes until the disk is full. */
function fill(path: string): void {
  try {
    using file = Deno.openSync(path, { write: true, create: true });
    for (const size of [65536, 4096, 1]) {
      try {
        for (;;) file.writeSync(new Uint8Array(size));
      } catch (error) {
        if (size === 1) throw error;
      }
    }
  } catch (error) {
    assert.match((error as Error).message, /No space left/);
  }
}
