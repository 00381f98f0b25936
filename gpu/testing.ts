/**
 * Runs a kernel's test on every backend.
 *
 * @module
 */

import { type Compute, openCompute } from "./compute.ts";
import { requestAdapter } from "./device.ts";
import { WebgpuBackend, type WebgpuOptions } from "./webgpu_backend.ts";

const adapter = await requestAdapter();
const required = Deno.env.get("REQUIRE_GPU") === "1";

/** Whether WGSL is tested: where there is an adapter, or there has to be one. */
export const TEST_WEBGPU: boolean = adapter !== undefined || required;

/**
 * Declares a test once for the cpu backend and once for WebGPU, software adapters too.
 *
 * Without an adapter the second is shown as ignored; with `REQUIRE_GPU=1` it fails.
 * A test also fails when memory is still in use at its end.
 *
 * @param name A sentence.
 * @param work The test.
 * @param webgpu Limits of the webgpu backend.
 */
export function backendTest(
  name: string,
  work: (compute: Compute) => Promise<void>,
  webgpu: WebgpuOptions = {},
): void {
  for (const device of ["cpu", "webgpu"] as const) {
    Deno.test({
      name: `${name} [${device}]`,
      ignore: device === "webgpu" && !TEST_WEBGPU,
      fn: async () => {
        const compute = await openCompute({ device, cpu: { threads: 2 }, webgpu });
        const { backend } = compute;
        try {
          await work(compute);
          if (compute.events.length > 0) throw new Error(compute.events.join("; "));
          if (compute.bytesInUse !== 0) throw new Error(`${compute.bytesInUse} bytes still in use`);
        } finally {
          compute[Symbol.dispose]();
          // llvmpipe does not bear it that the process ends while it clears up
          if (backend instanceof WebgpuBackend) await backend.device.lost;
        }
      },
    });
  }
}
