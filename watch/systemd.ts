/**
 * Tells systemd that the watcher is up and alive, when it was started by a unit with
 * `Type=notify`. Through the program `systemd-notify`, as datagram sockets need an unstable flag.
 *
 * @module
 */

import { childEnvironment } from "../config/slack_keys.ts";

/**
 * Tells systemd something; does nothing when systemd did not ask.
 *
 * @param text Such as `READY=1`, `WATCHDOG=1`, `STOPPING=1`; several in one call.
 */
export async function notifySystemd(...text: readonly string[]): Promise<void> {
  if (!Deno.env.get("NOTIFY_SOCKET")) return;
  try {
    await new Deno.Command("systemd-notify", {
      args: [`--pid=${Deno.pid}`, ...text],
      clearEnv: true,
      env: childEnvironment(),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
  } catch {
    // systemd then judges by its own time limit
  }
}

/** How often systemd wants a sign of life, in milliseconds; undefined when it wants none. */
export function watchdogMs(): number | undefined {
  const us = Number(Deno.env.get("WATCHDOG_USEC") || NaN);
  return Number.isFinite(us) ? us / 1000 / 3 : undefined;
}
