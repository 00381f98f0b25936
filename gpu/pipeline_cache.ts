/**
 * Compiled shaders.
 *
 * @module
 */

import { GpuError } from "../config/errors.ts";
import type { Pass } from "./job.ts";

/** Threads of a workgroup where a pass does not say. */
export const DEFAULT_WORKGROUP = 64;

/** Compiles a pass's shader once for each set of sizes. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #modules = new Map<string, GPUShaderModule>();
  readonly #pipelines = new Map<string, GPUComputePipeline>();

  /**
   * Makes an empty cache.
   *
   * @param device The device whose pipelines these are.
   */
  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** The pipeline of a pass; errors go to the device's error scopes. */
  get(pass: Pass): GPUComputePipeline {
    const constants = { WORKGROUP: pass.workgroup ?? DEFAULT_WORKGROUP, ...pass.overrides };
    const key = JSON.stringify([pass.kernel.name, pass.entry, constants]);
    const known = this.#pipelines.get(key);
    if (known !== undefined) return known;
    const pipeline = this.#device.createComputePipeline({
      label: `${pass.kernel.name}.${pass.entry}`,
      layout: "auto",
      compute: { module: this.#module(pass), entryPoint: pass.entry, constants },
    });
    this.#pipelines.set(key, pipeline);
    return pipeline;
  }

  #module({ kernel }: Pass): GPUShaderModule {
    const known = this.#modules.get(kernel.name);
    if (known !== undefined) return known;
    if (kernel.wgsl === undefined) {
      throw new GpuError(`Cannot run '${kernel.name}' on the GPU: it has no shader`);
    }
    const module = this.#device.createShaderModule({ label: kernel.name, code: kernel.wgsl });
    this.#modules.set(kernel.name, module);
    return module;
  }
}
