// Indices of the parameters of join_layers, and what its flags ask for.

export const FRAMES: u32 = 0;
export const PAIRS: u32 = 1;
export const FLAGS: u32 = 2;
export const SIGMA: u32 = 3;
export const ROUNDS: u32 = 4;
export const FLOOR: u32 = 5;
export const RELATIVE: u32 = 6;
export const EXCLUDED: u32 = 7;
export const SAT: u32 = 8;
export const NO_DATA: u32 = 9;
export const CLIPPED: u32 = 10;
export const REJECTED: u32 = 11;
export const PLAIN_PAIRS: u32 = 12; // of the second network

export const CLIP: u32 = 1;
export const MEDIAN: u32 = 2;

/** Bytes of a plane of floats of a block. */
export const PLANE: usize = 64;
