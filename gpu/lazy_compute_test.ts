import assert from "node:assert/strict";
import { LazyCompute } from "./lazy_compute.ts";

Deno.test("LazyCompute opens one device, and none where nobody asks", async () => {
  using unused = new LazyCompute({ device: "cpu" });
  assert.equal(unused.device, "cpu");
  using lazy = new LazyCompute({ device: "cpu", cpu: { threads: 1 } });
  assert.equal(await lazy.get(), await lazy.get());
  assert.equal(lazy.device, "cpu (1 thread)");
});
