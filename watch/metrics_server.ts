/**
 * The metrics and the health of a watcher over HTTP, for this machine alone.
 *
 * @module
 */

import type { Logger } from "@logtape/logtape";

/** What the server tells. */
export interface MetricsSource {
  /** The metrics in the text form of Prometheus. */
  readonly metrics: () => string;
  /** What is wrong with the watcher; undefined when all is well. */
  readonly trouble: () => string | undefined;
}

const PLAIN = { "content-type": "text/plain; charset=utf-8" };
const PROMETHEUS = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };

/**
 * Serves `GET /metrics` and `GET /healthz` at 127.0.0.1. A port that is taken, such as by
 * another watcher, is said in the log, and the watcher goes on without.
 *
 * @param port The port; 0 for any that is free, which the log names.
 * @param source What to tell.
 * @param log Told the address.
 * @returns To be disposed of; undefined when the port cannot be had.
 */
export function serveMetrics(
  port: number,
  source: MetricsSource,
  log: Logger,
): Disposable | undefined {
  try {
    const server = Deno.serve({
      hostname: "127.0.0.1",
      port,
      onListen: ({ port }) => log.info("Metrics at http://127.0.0.1:{port}/metrics", { port }),
      onError: (error) => new Response(`${(error as Error).message}\n`, { status: 500 }),
    }, (request) => answer(request, source));
    return { [Symbol.dispose]: () => void server.shutdown() };
  } catch (error) {
    const reason = (error as Error).message;
    log.warn("Cannot serve metrics at port {port}: {reason}", { port, reason });
    return undefined;
  }
}

function answer(request: Request, { metrics, trouble }: MetricsSource): Response {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("only GET\n", { status: 405, headers: { ...PLAIN, allow: "GET, HEAD" } });
  }
  switch (new URL(request.url).pathname) {
    case "/metrics":
      return new Response(metrics(), { headers: PROMETHEUS });
    case "/healthz": {
      const wrong = trouble();
      const status = wrong === undefined ? 200 : 503;
      return new Response(`${wrong ?? "ok"}\n`, { status, headers: PLAIN });
    }
    default:
      return new Response("/metrics or /healthz\n", { status: 404, headers: PLAIN });
  }
}
