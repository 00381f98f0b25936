import assert from "node:assert/strict";
import { bit } from "../../../sky/mask.ts";
import { growSaturated } from "./grow_saturated.ts";

Deno.test("growSaturated() marks the kernel's whole footprint, in whatever strips", () => {
  const width = 23, height = 17, reach = 3;
  const mask = new Uint16Array(width * height);
  for (const i of [0, 5 * width + 9, 5 * width + 10, 16 * width + 22]) mask[i] = bit("SAT");
  mask[8 * width + 2] = bit("CR");
  const whole = new Uint16Array(width * height);
  for (let firstRow = 0; firstRow < height; firstRow += 4) {
    const rows = Math.min(4, height - firstRow);
    const part = whole.subarray(firstRow * width, (firstRow + rows) * width);
    growSaturated(mask, { width, height }, reach, { firstRow, rows, mask: part });
  }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let near = false;
      mask.forEach((value, i) => {
        const dx = Math.abs(i % width - x), dy = Math.abs(Math.floor(i / width) - y);
        near ||= value === bit("SAT") && Math.max(dx, dy) <= reach;
      });
      assert.equal(whole[y * width + x], near ? bit("SAT") : 0, `${x},${y}`);
    }
  }
});
