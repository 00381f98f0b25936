/**
 * Tells faults of the place from faults of the data: a full disk says nothing about a frame.
 *
 * @module
 */

/** ENOMEM, ENFILE, EMFILE, ENOSPC, EROFS, EDQUOT, by number and in the words of systems and programs. */
const PLACE =
  /os error (12|23|24|28|30|122)\b|\b(ENOMEM|ENFILE|EMFILE|ENOSPC|EROFS|EDQUOT)\b|No space left|Read-only file system|Disk quota exceeded|Cannot allocate memory|out of memory|Too many open files|Array buffer allocation failed/i;

/**
 * Whether a message tells of a disk that is full or read-only, of memory that is gone or of
 * too many open files.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * assert.ok(isPlaceFault('Cannot write "a.fits": No space left on device (os error 28)'));
 * assert.ok(!isPlaceFault('Cannot read "a.fits": Input/output error (os error 5)'));
 * ```
 *
 * @param message Of an error.
 * @returns True if the same work may go well in a better place, whatever the frame is like.
 */
export function isPlaceFault(message: string): boolean {
  return PLACE.test(message);
}
