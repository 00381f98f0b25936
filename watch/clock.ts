/**
 * Time as the watcher sees it: a wall clock for what people read, and a monotonic
 * one for every wait, so that a wall clock that jumps changes no wait.
 *
 * @module
 */

/** Both clocks, and a sleep that follows the monotonic one. */
export interface Clock {
  /** Wall clock, milliseconds since 1970; may jump. */
  now(): number;
  /** Monotonic clock, milliseconds from an arbitrary start. */
  mono(): number;
  /** Waits; returns early, without an error, when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** The clocks of the machine. */
export const realClock: Clock = {
  now: () => Date.now(),
  mono: () => performance.now(),
  sleep: pause,
};

/** A clock of tests. */
export interface TestClock extends Clock {
  /** Moves the wall clock alone, as an operator or NTP does. */
  jump(ms: number): void;
}

/**
 * A clock that runs faster than the machine's, for tests of long waits.
 *
 * @param speed How many of its seconds pass in one real second.
 * @returns The clock; its wall clock starts at the real time.
 */
export function fastClock(speed: number): TestClock {
  const startMono = performance.now();
  const startWall = Date.now();
  let shift = 0;
  const mono = () => (performance.now() - startMono) * speed;
  return {
    now: () => startWall + mono() + shift,
    mono,
    sleep: (ms, signal) => pause(ms / speed, signal),
    jump: (ms) => shift += ms,
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.min(Math.max(0, ms), 2 ** 31 - 1));
    signal.addEventListener("abort", end, { once: true });
  });
}
