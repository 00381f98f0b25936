/**
 * The only way to the terminal: results go to stdout, everything else to stderr.
 *
 * @module
 */

const encoder = new TextEncoder();

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
}

/**
 * Prints a result to stdout.
 *
 * @param text Without the final newline, which is added.
 */
export function print(text: string): void {
  try {
    writeAll(Deno.stdout, text + "\n");
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/**
 * Prints a remark to stderr.
 *
 * @param text Without the final newline, which is added.
 */
export function note(text: string): void {
  writeAll(Deno.stderr, text + "\n");
}
