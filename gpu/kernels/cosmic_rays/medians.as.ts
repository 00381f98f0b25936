// Medians of four pixels at a time; there is no NaN among them.

/** Of each lane. */
export function low(a: v128, b: v128): v128 {
  return f32x4.pmin(a, b);
}

/** Of each lane. */
export function high(a: v128, b: v128): v128 {
  return f32x4.pmax(a, b);
}

/**
 * Sorts columns of five; rank by rank they go to rows that lie `distance` bytes apart.
 * Comparators as in D. Knuth, The Art of Computer Programming 3, 5.3.4.
 */
export function sortColumn(
  a: v128, b: v128, c: v128, d: v128, e: v128, rows: usize, distance: usize,
): void {
  let t = low(a, b); b = high(a, b); a = t;
  t = low(d, e); e = high(d, e); d = t;
  t = low(c, e); e = high(c, e); c = t;
  t = low(c, d); d = high(c, d); c = t;
  t = low(a, d); d = high(a, d); a = t;
  t = low(a, c); c = high(a, c); a = t;
  t = low(b, e); e = high(b, e); b = t;
  t = low(b, d); d = high(b, d); b = t;
  t = low(b, c); c = high(b, c); b = t;
  v128.store(rows, a);
  v128.store(rows + distance, b);
  v128.store(rows + 2 * distance, c);
  v128.store(rows + 3 * distance, d);
  v128.store(rows + 4 * distance, e);
}

/**
 * Median of 5 × 5 about a padded place, from sorted columns: what a sorting network has to keep when
 * the columns are sorted and only the middle is wanted; right for all of their 6⁵ orders of zeros and ones.
 */
export function median25(rows: usize, distance: usize): v128 {
  let t: v128;
  let v0 = v128.load(rows - 8);
  let v1 = v128.load(rows - 4);
  let v2 = v128.load(rows);
  let v3 = v128.load(rows, 4);
  let v4 = v128.load(rows, 8);
  let v5 = v128.load(rows + 1 * distance - 8);
  let v6 = v128.load(rows + 1 * distance - 4);
  let v7 = v128.load(rows + 1 * distance);
  let v8 = v128.load(rows + 1 * distance, 4);
  let v9 = v128.load(rows + 1 * distance, 8);
  let v10 = v128.load(rows + 2 * distance - 8);
  let v11 = v128.load(rows + 2 * distance - 4);
  let v12 = v128.load(rows + 2 * distance);
  let v13 = v128.load(rows + 2 * distance, 4);
  let v14 = v128.load(rows + 2 * distance, 8);
  let v15 = v128.load(rows + 3 * distance - 8);
  let v16 = v128.load(rows + 3 * distance - 4);
  let v17 = v128.load(rows + 3 * distance);
  let v18 = v128.load(rows + 3 * distance, 4);
  let v19 = v128.load(rows + 3 * distance, 8);
  let v20 = v128.load(rows + 4 * distance - 8);
  let v21 = v128.load(rows + 4 * distance - 4);
  let v22 = v128.load(rows + 4 * distance);
  let v23 = v128.load(rows + 4 * distance, 4);
  let v24 = v128.load(rows + 4 * distance, 8);
  t = low(v0, v1); v1 = high(v0, v1); v0 = t;
  t = low(v2, v4); v4 = high(v2, v4); v2 = t;
  v3 = high(v2, v3);
  v3 = high(v0, v3);
  t = low(v1, v4); v4 = high(v1, v4); v1 = t;
  v3 = high(v1, v3);
  t = low(v5, v6); v6 = high(v5, v6); v5 = t;
  t = low(v8, v9); v9 = high(v8, v9); v8 = t;
  t = low(v7, v9); v9 = high(v7, v9); v7 = t;
  t = low(v7, v8); v8 = high(v7, v8); v7 = t;
  v8 = high(v5, v8);
  t = low(v6, v9); v9 = high(v6, v9); v6 = t;
  t = low(v6, v8); v8 = high(v6, v8); v6 = t;
  v7 = high(v6, v7);
  t = low(v10, v11); v11 = high(v10, v11); v10 = t;
  t = low(v13, v14); v14 = high(v13, v14); v13 = t;
  t = low(v12, v14); v14 = high(v12, v14); v12 = t;
  t = low(v10, v13); v13 = high(v10, v13); v10 = t;
  v12 = high(v10, v12);
  v11 = low(v11, v14);
  t = low(v15, v16); v16 = high(v15, v16); v15 = t;
  t = low(v18, v19); v19 = high(v18, v19); v18 = t;
  t = low(v17, v18); v18 = high(v17, v18); v17 = t;
  t = low(v15, v18); v18 = high(v15, v18); v15 = t;
  t = low(v15, v17); v17 = high(v15, v17); v15 = t;
  v16 = low(v16, v19);
  v16 = low(v16, v18);
  t = low(v16, v17); v17 = high(v16, v17); v16 = t;
  t = low(v23, v24); v24 = high(v23, v24); v23 = t;
  v22 = low(v22, v24);
  t = low(v20, v23); v23 = high(v20, v23); v20 = t;
  t = low(v20, v22); v22 = high(v20, v22); v20 = t;
  v21 = low(v21, v23);
  v21 = low(v21, v22);
  t = low(v3, v4); v4 = high(v3, v4); v3 = t;
  t = low(v9, v11); v11 = high(v9, v11); v9 = t;
  t = low(v12, v13); v13 = high(v12, v13); v12 = t;
  t = low(v17, v20); v20 = high(v17, v20); v17 = t;
  v7 = high(v3, v7);
  t = low(v4, v8); v8 = high(v4, v8); v4 = t;
  t = low(v9, v12); v12 = high(v9, v12); v9 = t;
  v11 = low(v11, v13);
  t = low(v4, v7); v7 = high(v4, v7); v4 = t;
  t = low(v11, v12); v12 = high(v11, v12); v11 = t;
  t = low(v4, v11); v11 = high(v4, v11); v4 = t;
  v9 = high(v7, v9);
  t = low(v8, v11); v11 = high(v8, v11); v8 = t;
  t = low(v17, v21); v21 = high(v17, v21); v17 = t;
  t = low(v8, v9); v9 = high(v8, v9); v8 = t;
  t = low(v11, v12); v12 = high(v11, v12); v11 = t;
  t = low(v16, v17); v17 = high(v16, v17); v16 = t;
  v20 = low(v20, v21);
  v16 = high(v4, v16);
  v8 = low(v8, v20);
  v15 = high(v9, v15);
  v11 = low(v11, v16);
  v12 = low(v12, v17);
  v11 = high(v8, v11);
  v12 = low(v12, v15);
  v12 = high(v11, v12);
  return v12;
}
