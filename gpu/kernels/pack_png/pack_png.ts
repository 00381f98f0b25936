/**
 * Rows of a picture into chunks of a PNG file.
 *
 * @module
 */

import { openHere } from "../../calling_thread.ts";
import type { Compute } from "../../compute.ts";
import { bytesOf, type Kernel, table, u32 } from "../../job.ts";
import wasm from "./pack_png.wasm.b64" with { type: "text" };

/** The kernel: bits that follow on each other are nothing for a GPU. */
export const PACK_PNG: Kernel = { name: "pack_png", wasm };

/** Samples of a picture. */
export interface PngLines {
  /** `[lines, bytes]`. */
  readonly samples: Uint8Array<ArrayBufferLike>;
  /** Bytes of a line. */
  readonly bytes: number;
  /** Where the file has a palette: which entries stand for the samples. */
  readonly palette?: {
    /** `[lines, bytes]`: 0 where a sample stands for itself, or else the number of a colour. */
    readonly numbers: Uint8Array<ArrayBufferLike>;
    /** Entries of the 256 samples, then those of the colours by their numbers, `[512]`. */
    readonly entries: Uint8Array;
  };
}

/** Chunks `IDAT` of blocks of lines, and the Adler-32 of all lines with their filters. */
export interface PackedLines {
  /** In order. They lack the two bytes in front of and what ends a zlib stream. */
  readonly chunks: readonly Uint8Array[];
  /** For the end of the stream. */
  readonly adler32: number;
}

/** Lines of a block are about so many bytes: codes of their own are then worth their room. */
const BLOCK_BYTES = 65536;
const TABLE_BYTES = 9248;

interface Plan {
  readonly lines: number;
  readonly blockLines: number;
  readonly blocks: number;
  /** Bytes that a chunk needs at most, whatever it holds. */
  readonly room: number;
  readonly scratchBytes: number;
}

function planOf({ samples, bytes }: PngLines): Plan {
  const lines = samples.length / bytes;
  const blockLines = Math.min(lines, Math.max(1, Math.floor(BLOCK_BYTES / (bytes + 1))));
  const text = blockLines * (bytes + 1);
  const room = (text + (text >> 2) + 1024) & ~3;
  const blocks = Math.ceil(lines / blockLines);
  return { lines, blockLines, blocks, room, scratchBytes: TABLE_BYTES + text };
}

/**
 * Packs lines without a filter, in deflate blocks with codes of their own: on all threads, or on the calling
 * one beside a GPU, where no others may have been started.
 *
 * @param compute Where.
 * @param lines The picture.
 */
export async function packLines(compute: Compute, lines: PngLines): Promise<PackedLines> {
  if (compute.backend.kind !== "cpu") return packLinesHere(lines);
  const { samples, bytes, palette } = lines;
  const plan = planOf(lines);
  const { blocks, room, scratchBytes } = plan;
  const packed = new Uint8Array(blocks * room), sums = new Uint32Array(blocks * 3);
  const none = new Uint8Array(64);
  await compute.run({
    ...{ label: "pack a picture", width: room, rows: blocks },
    slots: [
      table(samples),
      table(palette?.numbers ?? none),
      table(palette?.entries ?? none),
      { role: "output", rowBytes: room, bytes: packed },
      { role: "output", rowBytes: 12, bytes: bytesOf(sums) },
    ],
    passes: [{
      ...{
        kernel: PACK_PNG,
        entry: "packRows",
        slots: [0, 1, 2, 3, 4],
        pieceRows: 1,
        scratchBytes,
      },
      params: [bytes, plan.lines, plan.blockLines, room, palette ? 1 : 0].map(u32),
    }],
  });
  return collect(lines, plan, packed, sums);
}

/** As {@linkcode packLines}, on the calling thread. */
export function packLinesHere(lines: PngLines): PackedLines {
  const { samples, bytes, palette } = lines;
  const plan = planOf(lines);
  const { run, memory } = open();
  const aligned = (count: number) => (count + 15) & ~15;
  const places = [
    plan.scratchBytes,
    512,
    samples.length,
    palette?.numbers.length ?? 0,
    plan.room,
    12,
  ]
    .reduce((ends, count) => [...ends, ends.at(-1)! + aligned(count)], [16]);
  const [scratch, entries, from, numbers, chunk, sums, end] = places as [...Places];
  const missing = end - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65536));
  const room = new Uint8Array(memory.buffer);
  room.set(samples, from);
  if (palette) {
    room.set(palette.numbers, numbers);
    room.set(palette.entries, entries);
  }
  const packed = new Uint8Array(plan.blocks * plan.room),
    allSums = new Uint32Array(plan.blocks * 3);
  for (let block = 0; block < plan.blocks; block++) {
    const first = block * plan.blockLines, at = first * bytes;
    const count = Math.min(plan.blockLines, plan.lines - first);
    run.pack(from + at, numbers + at, palette ? entries : 0, bytes, count, chunk, sums, scratch);
    allSums.set(new Uint32Array(memory.buffer, sums, 3), 3 * block);
    packed.set(room.subarray(chunk, chunk + allSums[3 * block]!), block * plan.room);
  }
  return collect(lines, plan, packed, allSums);
}

type Places = [number, number, number, number, number, number, number];

interface Opened {
  readonly run: {
    readonly pack: (
      ...args: [
        ...[samples: number, numbers: number, entries: number, bytes: number, lines: number],
        ...[chunk: number, sums: number, scratch: number],
      ]
    ) => void;
  };
  readonly memory: WebAssembly.Memory;
}

let opened: Opened | undefined;

function open(): Opened {
  if (opened !== undefined) return opened;
  const { exports, memory } = openHere(wasm, 4);
  return opened = { run: exports as WebAssembly.Exports & Opened["run"], memory };
}

/** Cuts the chunks out, and joins their sums. */
function collect(
  { bytes }: PngLines,
  { lines, blockLines, blocks, room }: Plan,
  packed: Uint8Array,
  sums: Uint32Array,
): PackedLines {
  let a = 1, b = 0;
  const chunks = Array.from({ length: blocks }, (_, block) => {
    const [size, ownA, ownB] = sums.subarray(3 * block, 3 * block + 3);
    const text = Math.min(blockLines, lines - block * blockLines) * (bytes + 1);
    b = (b + ownB! + text * (a + 65520)) % 65521;
    a = (a + ownA! + 65520) % 65521;
    return packed.subarray(block * room, block * room + size!);
  });
  return { chunks, adler32: b * 65536 + a };
}
