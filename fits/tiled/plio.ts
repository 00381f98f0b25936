/**
 * Line lists of IRAF's pixel masks, as PLIO_1 of the FITS standard 4.0, section 10.4.3.
 *
 * @module
 */

/**
 * Decodes a tile of integers from 0 to 2²⁴−1.
 *
 * Each word holds an operation in its upper four bits, a count or difference in
 * the lower twelve: runs of zeros, runs of the present value, changes of the value.
 *
 * @param bytes The list: 16-bit big-endian words.
 * @param out Takes the integers.
 * @returns False if the list ends too early or holds an unknown operation.
 */
export function decodePlio(bytes: Uint8Array, out: Int32Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = bytes.byteLength >> 1;
  if (words < 3) return false;
  const word = (index: number) => view.getInt16(2 * index);
  // an old list has its length and the first operation in the third word, a new one points past its head
  const old = word(2) > 0;
  const end = old ? word(2) : (word(4) << 15) + word(3);
  if (end > words) return false;
  let at = 0;
  let value = 1;
  const put = (count: number, filled: number) => {
    out.fill(filled, at, at + count);
    at += count;
  };
  for (let index = old ? 3 : word(1); index < end && at < out.length; index++) {
    const operation = word(index) >> 12, data = word(index) & 0xfff;
    if (operation === 0) put(data, 0);
    else if (operation === 1) value = (word(++index) << 12) + data;
    else if (operation === 2) value += data;
    else if (operation === 3) value -= data;
    else if (operation === 4) put(data, value);
    else if (operation === 5) {
      put(data - 1, 0);
      put(1, value);
    } else if (operation === 6 || operation === 7) {
      value += operation === 6 ? data : -data;
      put(1, value);
    } else return false;
  }
  out.fill(0, at);
  return true;
}
