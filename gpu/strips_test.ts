import assert from "node:assert/strict";
import fc from "fast-check";
import { dispatchGrid } from "./dispatch.ts";
import type { StripJob } from "./job.ts";
import { SharedMemory } from "./shared_memory.ts";
import { cutJob, fittingRows, planeOf } from "./strips.ts";
import { roundSize } from "./buffer_pool.ts";

Deno.test("cutJob() gives every strip its halo, as far as there is one, and each row once", () => {
  const sizes = fc.record({
    rows: fc.integer({ min: 1, max: 30 }),
    top: fc.integer({ min: 0, max: 3 }),
    bottom: fc.integer({ min: 0, max: 3 }),
    halo: fc.integer({ min: 0, max: 3 }),
    step: fc.integer({ min: 1, max: 31 }),
  });
  fc.assert(fc.property(sizes, ({ rows, top, bottom, halo, step }) => {
    const inputs = top + rows + bottom;
    const job: StripJob = {
      label: "",
      width: 1,
      rows,
      top,
      bottom,
      halo,
      slots: [
        { role: "input", rowBytes: 1, planes: 2, bytes: ramp(2 * inputs) },
        { role: "output", rowBytes: 1, bytes: ramp(rows) },
      ],
      passes: [],
    };
    let next = 0;
    for (const strip of cutJob(job, step)) {
      const [input, output] = strip.slots;
      for (const plane of [0, 1]) {
        const bytes = planeOf(strip, input!, plane);
        const first = plane * inputs + top + next;
        assert.equal(bytes[strip.top!], first % 256);
        if (strip.rows < job.rows) {
          assert.equal(strip.top, Math.min(halo, top + next));
          assert.equal(strip.bottom, Math.min(halo, inputs - top - next - strip.rows));
        }
        assert.equal(bytes.length, strip.top! + strip.rows + strip.bottom!);
      }
      assert.deepEqual(
        [...planeOf(strip, output!, 0)],
        [...ramp(rows)].slice(next, next + strip.rows),
      );
      next += strip.rows;
    }
    assert.equal(next, rows);
  }));
});

const ramp = (length: number) => Uint8Array.from({ length }, (_, i) => i);

Deno.test("fittingRows() keeps every array within the binding and all within the total", () => {
  const slots = [
    { role: "input", rowBytes: 100, planes: 3 },
    { role: "output", rowBytes: 400 },
  ] as const;
  const job: StripJob = { label: "", width: 100, rows: 1000, halo: 2, slots, passes: [] };
  assert.equal(fittingRows(job, { bindingBytes: 1e9, totalBytes: 1e9 }), 1000);
  assert.equal(fittingRows(job, { bindingBytes: 4000, totalBytes: 1e9 }), 9);
  assert.equal(fittingRows(job, { bindingBytes: 1e9, totalBytes: 12_200 }), 10);
  assert.equal(fittingRows(job, { bindingBytes: 1, totalBytes: 1 }), 1);
});

Deno.test("dispatchGrid() covers any number of groups within the limit of a dimension", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 65535 * 1000 }), (groups) => {
    const [x, y] = dispatchGrid(groups);
    assert.ok(x <= 65535 && y <= 65535 && x * y >= groups && x * y < groups + y);
  }));
});

Deno.test("roundSize() wastes at most a sixteenth and keeps words whole", () => {
  fc.assert(fc.property(fc.integer({ min: 4096, max: 2 ** 31 }), (bytes) => {
    const size = roundSize(bytes);
    assert.ok(size >= bytes && size <= bytes * 17 / 16 && size % 4 === 0);
  }));
});

Deno.test("SharedMemory lends parts that never overlap and takes all of them back", () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 40 });
  fc.assert(fc.property(sizes, fc.infiniteStream(fc.boolean()), (bytes, keep) => {
    const shared = new SharedMemory(1 << 20);
    const lent = new Set<ReturnType<typeof shared.lend>>();
    for (const size of bytes) {
      const part = shared.lend(size);
      assert.equal(part.address % 64, 0);
      for (const other of lent) {
        assert.ok(
          part.address >= other.address + other.bytes.length ||
            other.address >= part.address + size,
        );
      }
      lent.add(part);
      if (keep.next().value) continue;
      part[Symbol.dispose]();
      part[Symbol.dispose]();
      lent.delete(part);
    }
    for (const part of lent) part[Symbol.dispose]();
    assert.equal(shared.used, 0);
    shared.lend((1 << 20) - 1024)[Symbol.dispose]();
  }));
});
