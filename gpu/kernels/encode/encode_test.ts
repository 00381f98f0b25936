import assert from "node:assert/strict";
import { backendTest } from "../../testing.ts";
import { encodeFloats, encodeMask, foldMaskSums, foldSums } from "./encode.ts";

/** DATASUM as the standard defines it: add and carry around, word by word. */
function datasum(words: DataView): number {
  let sum = 0n;
  for (let at = 0; at < words.byteLength; at += 4) sum += BigInt(words.getUint32(at));
  while (sum > 0xffffffffn) sum = (sum & 0xffffffffn) + (sum >> 32n);
  return Number(sum);
}

backendTest("encodeFloats() writes big-endian words and their checksum", async (compute) => {
  for (const [width, rows] of [[1, 1], [7, 3], [257, 66], [9576, 5]] as const) {
    const values = Float32Array.from(
      { length: width * rows },
      (_, i) => Math.sin(i) * 10 ** (i % 60 - 30),
    );
    values[0] = NaN;
    const raw = new Uint8Array(values.length * 4);
    const sums = new Uint32Array(rows * 2);
    await encodeFloats(compute, values, { raw, sums }, { width });
    const view = new DataView(raw.buffer);
    assert.ok(values.every((value, i) => Object.is(view.getFloat32(4 * i), value)));
    assert.equal(foldSums(sums) % 0xffffffff, datasum(view) % 0xffffffff);
  }
});

backendTest(
  "encodeMask() writes unsigned words, their checksum and what is in the planes",
  async (compute) => {
    for (const [width, rows] of [[1, 1], [2, 1], [7, 4], [8, 3], [257, 66], [9576, 5]] as const) {
      const mask = Uint16Array.from(
        { length: width * rows },
        (_, i) => i % 3 === 0 ? 0 : Math.imul(i, 40503) & 0xffff & (i % 5 === 0 ? 0xffff : 0x8101),
      );
      const raw = new Uint8Array(mask.length * 2);
      const sums = new Uint32Array(rows * 2);
      const counts = new Uint32Array(rows * 16);
      await encodeMask(compute, mask, { raw, sums, counts }, { width });
      const view = new DataView(raw.buffer);
      assert.ok(mask.every((value, i) => view.getInt16(2 * i) + 32768 === value));
      mask.forEach((value, i) => {
        const row = Math.floor(i / width) * 16;
        for (let bit = 0; bit < 16; bit++) counts[row + bit]! -= (value >> bit) & 1;
      });
      assert.ok(counts.every((rest) => rest === 0));
      const sum = foldMaskSums(sums, width);
      assert.equal(sum === undefined, width * rows % 2 === 1);
      if (sum !== undefined) assert.equal(sum % 0xffffffff, datasum(view) % 0xffffffff);
    }
  },
  { bindingBytes: 8192 },
);
