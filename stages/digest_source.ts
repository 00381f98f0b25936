/**
 * What a thread that finds digests runs. It stands here as text because workers are not bundled:
 * the thread is started from a blob.
 *
 * @module
 */

/** Source of the worker: takes paths, answers size and SHA-256, or an error. */
export const DIGEST_SOURCE = `
import { createHash } from "node:crypto";

const buffer = new Uint8Array(4 << 20);

function digest(path) {
  const hash = createHash("sha256");
  const file = Deno.openSync(path);
  let bytes = 0;
  try {
    for (let n = file.readSync(buffer); n !== null; n = file.readSync(buffer)) {
      hash.update(buffer.subarray(0, n));
      bytes += n;
    }
  } finally {
    file.close();
  }
  return { bytes, sha256: hash.digest("hex") };
}

self.onmessage = ({ data }) => {
  try {
    self.postMessage(digest(data));
  } catch (error) {
    self.postMessage({ error: String(error) });
  }
};
`;
