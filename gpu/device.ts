/**
 * The graphics device: which one is taken, and how its errors come to light.
 *
 * @module
 */

import { GpuError } from "../config/errors.ts";

/** Where pixels shall be computed. */
export type DeviceChoice = "auto" | "webgpu" | "cpu";

/** What is known of an adapter. */
export interface AdapterFacts {
  /** Its name, as the driver tells it. */
  readonly name: string;
  /** True of one that computes on the processor, as llvmpipe does. */
  readonly software: boolean;
}

/**
 * Asks for the best adapter there is.
 *
 * @returns The adapter, software or not; `undefined` where there is none.
 */
export async function requestAdapter(): Promise<GPUAdapter | undefined> {
  // some drivers complain on stderr where there is no desktop session
  const name = "XDG_RUNTIME_DIR";
  const added = !Deno.env.has(name);
  if (added) Deno.env.set(name, "/tmp");
  try {
    return await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" }) ??
      undefined;
  } finally {
    if (added) Deno.env.delete(name);
  }
}

/** Tells what an adapter is. */
export function describeAdapter({ info }: Pick<GPUAdapter, "info">): AdapterFacts {
  const name = info.description || info.vendor || "unnamed adapter";
  const software = info.isFallbackAdapter || /llvmpipe|swiftshader|lavapipe/i.test(name);
  return { name, software };
}

/**
 * Chooses the adapter for `--device`.
 *
 * @param choice `auto` takes a real GPU only; `webgpu` takes software too.
 * @returns The adapter; `undefined` means the cpu backend.
 * @throws {GpuError} If `webgpu` was asked for and there is no adapter.
 */
export async function chooseAdapter(choice: DeviceChoice): Promise<GPUAdapter | undefined> {
  if (choice === "cpu" || (choice === "auto" && !await mayHaveGpu())) return undefined;
  const adapter = await requestAdapter();
  if (choice === "auto") {
    return adapter && !describeAdapter(adapter).software ? adapter : undefined;
  }
  if (adapter) return adapter;
  throw new GpuError("Cannot use WebGPU: this machine has no adapter; take --device cpu or auto");
}

/** What a driver of a real GPU puts into `/dev` on Linux; to ask for an adapter takes a tenth of a second. */
const GPU_NODES = ["/dev/dri", "/dev/nvidiactl", "/dev/kfd", "/dev/dxg"] as const;

async function mayHaveGpu(): Promise<boolean> {
  if (Deno.build.os !== "linux") return true;
  const found = GPU_NODES.map((path) => Deno.stat(path).then(() => true, () => false));
  return (await Promise.all(found)).includes(true);
}

/** The limits that kernels can make use of; asked for as large as the adapter has them. */
const LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/**
 * Opens a device with the limits of its adapter.
 *
 * @throws {GpuError} If the driver refuses.
 */
export async function openDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
  try {
    return await adapter.requestDevice({ label: "gppy", requiredLimits });
  } catch (cause) {
    throw new GpuError(`Cannot open ${describeAdapter(adapter).name}: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

const SCOPES = ["internal", "out-of-memory", "validation"] as const;

/**
 * Runs work on a device and throws what went wrong with it, which WebGPU itself keeps quiet about.
 *
 * Scopes are one stack a device: works on one device must not overlap.
 *
 * @param device The device.
 * @param label What is done, for the message.
 * @param work What is done.
 * @returns What the work gives.
 * @throws {GpuError} With `details.outOfMemory` where that was it.
 */
export async function withErrorScopes<Result>(
  device: GPUDevice,
  label: string,
  work: () => Result | Promise<Result>,
): Promise<Result> {
  for (const scope of SCOPES) device.pushErrorScope(scope);
  const outcome = await settle(work);
  const errors: (GPUError | null)[] = [];
  for (const _ of SCOPES) errors.push(await device.popErrorScope().catch(() => null));
  const index = errors.findIndex((error) => error !== null);
  if (index >= 0) {
    const kind = SCOPES[SCOPES.length - 1 - index]!;
    const reason = errors[index]!.message.replaceAll(/\s+/g, " ").trim();
    throw new GpuError(`Cannot run '${label}' on the GPU: ${reason}`, {
      details: { kernel: label, kind, outOfMemory: kind === "out-of-memory" },
      cause: outcome.error,
    });
  }
  if (outcome.failed) throw outcome.error;
  return outcome.value;
}

type Settled<Result> =
  | { readonly failed: false; readonly value: Result; readonly error?: undefined }
  | { readonly failed: true; readonly error: unknown };

async function settle<Result>(work: () => Result | Promise<Result>): Promise<Settled<Result>> {
  try {
    return { failed: false, value: await work() };
  } catch (error) {
    return { failed: true, error };
  }
}

/** The message of whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
