import assert from "node:assert/strict";
import { backendTest } from "../../testing.ts";
import { encodeFloats, foldSums } from "./encode.ts";

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
