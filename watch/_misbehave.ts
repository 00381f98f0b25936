/**
 * What a light does to its stage, in tests: it is in the name of its object.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { DataError } from "../config/errors.ts";
import { decode } from "../gpu/kernels/decode/decode.ts";
import { WebgpuBackend } from "../gpu/webgpu_backend.ts";
import type { StageContext } from "../stages/stage.ts";
import { realClock } from "./clock.ts";

/**
 * Does what the object says; objects that are not known do nothing.
 *
 * @param object Name of the object.
 * @param context Of the stage.
 */
export async function misbehave(object: string | undefined, context: StageContext): Promise<void> {
  const { signal } = context;
  switch (object) {
    case "BAD":
      throw new DataError("Cannot use this frame: it is bad");
    case "POISON":
      throw new TypeError("a defect that this night brings out");
    case "ONCE":
      await crashOnce(join(context.folder, "..", "crashed"));
      break;
    case "FULL":
      throw new Error("No space left on device (os error 28)");
    case "KILL":
      Deno.kill(Deno.pid, "SIGKILL");
      break;
    case "SLEEP":
      await realClock.sleep(60_000, signal);
      signal.throwIfAborted();
      break;
    case "SLOW":
      await realClock.sleep(100, signal);
      break;
    case "HANG":
      await context.tools.run("sh", ["-c", "trap '' TERM; sleep 300 & sleep 300"]);
      break;
    case "PIXELS":
      takeMemory((kept) => kept.push(new Float32Array(16e6).fill(1)));
      break;
    case "OBJECTS":
      takeMemory((kept) => kept.push(Array.from({ length: 1e5 }, (_, i) => ({ i }))));
      break;
    case "GPU":
      await loseDevices(context);
  }
}

/** The first time it is a defect, then all is well. */
async function crashOnce(marker: string): Promise<void> {
  try {
    await Deno.writeTextFile(marker, "", { createNew: true });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    throw error;
  }
  throw new TypeError("a defect that comes once");
}

/** Until there is no more. */
function takeMemory(take: (kept: unknown[]) => void): never {
  const kept: unknown[] = [];
  for (;;) take(kept);
}

/** A job goes on while its device is lost, then the next one's. */
async function loseDevices({ compute }: StageContext): Promise<void> {
  const opened = await compute.get();
  const [width, rows] = [2000, 2000];
  const raw = Uint8Array.from({ length: width * rows }, (_, i) => i * 7);
  const values = new Float32Array(raw.length);
  for (let loss = 0; loss < 2; loss++) {
    const { backend } = opened;
    if (backend instanceof WebgpuBackend) setTimeout(() => backend.device.destroy(), 5);
    values.fill(NaN);
    await decode(opened, raw, values, { bitpix: 8, bscale: 1, bzero: 0, width });
    assert.ok(values.every((value, i) => value === raw[i]), "the job came out right");
    if (backend instanceof WebgpuBackend) await backend.device.lost;
  }
  await decode(opened, raw, values, { bitpix: 8, bscale: 1, bzero: 0, width });
}
