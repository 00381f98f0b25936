// What parameter 3 asks for; see combine_strip.ts.

export const CLIP: u32 = 1;
export const MEDIAN: u32 = 2;
export const SCATTER_STD: u32 = 4;
export const CENTRE_MEAN: u32 = 8;
export const WEIGHTED: u32 = 16;
export const KNOWN_VARIANCE: u32 = 32;
export const WANT_VARIANCE: u32 = 64;
export const WANT_COUNTS: u32 = 128;
