import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { withFolder } from "./_testing.ts";
import { checksumCard, DataSum, datasum, verifyChecksums } from "./checksum.ts";
import { writeImage } from "./image.ts";

/** The sum as the standard words it: 32-bit big-endian words, carries added at the low end. */
function plainSum(bytes: Uint8Array): number {
  const view = new DataView(new Uint8Array([...bytes, 0, 0, 0]).buffer);
  let sum = 0n;
  for (let at = 0; at < bytes.length; at += 4) {
    sum += BigInt(view.getUint32(at));
    sum = (sum & 0xffffffffn) + (sum >> 32n);
  }
  return Number(sum);
}

Deno.test("datasum() is the ones' complement sum of big-endian words", () => {
  assert.equal(datasum(Uint8Array.of(1, 2, 3, 4)), 0x01020304);
  assert.equal(datasum(new Uint8Array(8).fill(255)), 0xffffffff);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
    assert.equal(datasum(bytes), plainSum(bytes));
  }));
});

Deno.test("DataSum gives the same sum however the bytes are cut", () => {
  const cuts = fc.array(fc.uint8Array({ maxLength: 70 }), { maxLength: 30 });
  fc.assert(fc.property(cuts, (parts) => {
    const sum = new DataSum();
    for (const part of parts) sum.add(part);
    assert.equal(sum.value, plainSum(Uint8Array.from(parts.flatMap((part) => [...part]))));
  }));
});

Deno.test("checksumCard() encodes any sum in letters and digits that cancel it", () => {
  // The example of the standard's appendix J.
  assert.equal(checksumCard(868229149), "hcHjjc9ghcEghc9g");
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffffffff }), (sum) => {
    const text = checksumCard(sum);
    assert.match(text, /^[0-9A-Za-z]{16}$/);
    const turned = new TextEncoder().encode(text.slice(1) + text[0]);
    const zeros = plainSum(new TextEncoder().encode("0".repeat(16)));
    const total = (BigInt(plainSum(turned)) - BigInt(zeros) + BigInt(sum)) % 0xffffffffn;
    assert.equal(total, 0n);
  }));
});

Deno.test("verifyChecksums() notices a changed pixel, a changed card, and missing cards", () =>
  withFolder(async (folder) => {
    const path = join(folder, "image.fits");
    await writeImage(path, { width: 30, height: 20, data: new Float32Array(600).fill(3) });
    const good = await Deno.readFile(path);
    assert.deepEqual(await verifyChecksums(path), [{ hdu: 0, checksum: true, datasum: true }]);
    const pixel = good.slice();
    pixel[3000]! ^= 1;
    await Deno.writeFile(path, pixel);
    assert.deepEqual(await verifyChecksums(path), [{ hdu: 0, checksum: false, datasum: false }]);
    const card = good.slice();
    card[80 * 4 + 40]! ^= 1;
    await Deno.writeFile(path, card);
    assert.deepEqual(await verifyChecksums(path), [{ hdu: 0, checksum: false, datasum: true }]);
    const text = new TextDecoder().decode(good.subarray(0, 2880));
    const renamed = text.replace("CHECKSUM=", "XXXXXXXX=").replace("DATASUM =", "YYYYYYY =");
    const bare = good.slice();
    bare.set(new TextEncoder().encode(renamed));
    await Deno.writeFile(path, bare);
    assert.deepEqual(await verifyChecksums(path), [{ hdu: 0, checksum: null, datasum: null }]);
  }));
