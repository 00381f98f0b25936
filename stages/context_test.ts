import assert from "node:assert/strict";
import { loadSite } from "../config/site.ts";
import { testContext } from "./testing.ts";

Deno.test("each() ends when the last piece of work has ended, and begins none after a failure", async () => {
  const site = await loadSite({ env: {} });
  const { context } = testContext({ products: [], site, folder: "/nowhere" });
  const ended: number[] = [];
  const work = async (item: number): Promise<void> => {
    if (item === 0) throw new TypeError("a defect");
    await new Promise((resolve) => setTimeout(resolve, 30));
    ended.push(item);
  };
  const options = { id: String, concurrency: 2 };
  await assert.rejects(context.each([0, 1, 2, 3], work, options), TypeError);
  assert.deepEqual(ended, [1]);
});
