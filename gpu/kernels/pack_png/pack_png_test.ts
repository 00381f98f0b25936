import assert from "node:assert/strict";
import { constants, crc32, deflateSync, inflateSync } from "node:zlib";
import { openCompute } from "../../compute.ts";
import { type PackedLines, packLines, packLinesHere, type PngLines } from "./pack_png.ts";

/** What the chunks hold, each of which must be whole, joined and unpacked by zlib. */
function unpack({ chunks, adler32 }: PackedLines): Uint8Array {
  const data = chunks.map((chunk) => {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    assert.equal(view.getUint32(0), chunk.length - 12);
    assert.equal(new TextDecoder().decode(chunk.subarray(4, 8)), "IDAT");
    assert.equal(view.getUint32(chunk.length - 4), crc32(chunk.subarray(4, -4)));
    return chunk.subarray(8, -4);
  });
  const end = new Uint8Array(6);
  end[0] = 3; // an empty last block
  new DataView(end.buffer).setUint32(2, adler32);
  const stream = Uint8Array.from([...[0x78, 1], ...data.flatMap((part) => [...part]), ...end]);
  return new Uint8Array(inflateSync(stream));
}

function expected({ samples, bytes, palette }: PngLines): Uint8Array {
  const lines: number[] = [];
  for (let at = 0; at < samples.length; at++) {
    if (at % bytes === 0) lines.push(0);
    const number = palette?.numbers[at] ?? 0;
    if (palette === undefined) lines.push(samples[at]!);
    else lines.push(palette.entries[number === 0 ? samples[at]! : 256 + number]!);
  }
  return Uint8Array.from(lines);
}

/** Numbers that look random, from 0 to 1. */
function* noise(seed: number): Generator<number, never> {
  for (let state = seed;;) {
    state = Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0;
    yield (state >>> 8) / 2 ** 24;
  }
}

function filled(count: number, value: (random: () => number, i: number) => number): Uint8Array {
  const from = noise(count + 7);
  return Uint8Array.from({ length: count }, (_, i) => value(() => from.next().value, i));
}

const PICTURES: Readonly<Record<string, PngLines>> = {
  "a pixel": { bytes: 1, samples: Uint8Array.of(7) },
  "one value": { bytes: 300, samples: filled(300 * 400, () => 9) },
  "all values": { bytes: 499, samples: filled(499 * 300, (random) => 256 * random()) },
  "noise beside runs of all lengths": {
    bytes: 701,
    samples: filled(
      701 * 250,
      (random, i) => i % 701 < 300 ? 128 + 20 * (random() - random()) : (i / (i % 270 + 1)) & 1,
    ),
  },
  // counts like Fibonacci's numbers would make codes of more than 15 bits
  "values ever rarer": {
    bytes: 60000,
    samples: filled(60000, (random) => Math.min(40, Math.log(random()) / Math.log(0.618))),
  },
  "a line longer than a block": {
    bytes: 70001,
    samples: filled(3 * 70001, (random) => 9 * random()),
  },
  "colours among greys": {
    bytes: 333,
    samples: filled(333 * 444, (random) => 256 * random()),
    palette: {
      numbers: filled(333 * 444, (random) => Math.max(0, 12 * random() - 9)),
      entries: filled(512, (random, i) => i < 256 ? 253 * i / 255 : 250 + 6 * random()),
    },
  },
};

for (const [name, lines] of Object.entries(PICTURES)) {
  Deno.test(`packLines() gives what zlib unpacks, by threads and by the calling one: ${name}`, async () => {
    using compute = await openCompute({ device: "cpu", cpu: { threads: 2 } });
    const packed = await packLines(compute, lines);
    assert.deepEqual(unpack(packed), expected(lines));
    assert.deepEqual(packLinesHere(lines), packed);
    assert.equal(compute.bytesInUse, 0);
    const size = packed.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const theirs = deflateSync(expected(lines), { level: 1, strategy: constants.Z_RLE }).length;
    const blocks = packed.chunks.length;
    assert.ok(
      size < 1.01 * theirs + 160 * blocks,
      `${size} bytes, zlib ${theirs}, ${blocks} blocks`,
    );
  });
}
