/**
 * A real HTTP server that speaks as much of Slack's Web API as gppy uses, and fails on request.
 *
 * @module
 */

/** The token that the server takes. */
export const TOKEN = "xoxb-17-very-secret";
/** The channel's name and id. */
export const CHANNEL = { name: "#night", id: "C0123456789" } as const;

/** A message in the channel. */
export interface ChannelMessage {
  readonly ts: string;
  readonly text: string;
  readonly clientMsgId: string | undefined;
  readonly metadata: unknown;
}

/** A file shown in a thread. */
export interface SharedFile {
  readonly name: string;
  readonly title: string;
  readonly bytes: number;
  readonly thread: string | null;
}

/** One request that the server got. */
export interface SeenRequest {
  readonly atMs: number;
  readonly method: string;
  readonly authorization: string | null;
  readonly form: ReadonlyMap<string, string>;
  /** What the server did, for people. */
  readonly result: string;
}

/**
 * A fault for one request: a status without doing it; `done-…`: does it and fails after;
 * `hang`: never answers; an error name of Slack's.
 */
export type Fault =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  | { readonly error: string }
  | "hang"
  | "done-hang"
  | "done-500"
  | "done-cut";

/** How the server behaves. */
export interface ServerOptions {
  /** Whether a second message of one id is dropped; true. */
  readonly dropsDoubles?: boolean;
  /** Permissions of the app; all if left out. */
  readonly scopes?: readonly string[];
  /** Port; any free one if left out. */
  readonly port?: number;
  /** The clock of the records. */
  readonly now?: () => number;
}

const SCOPES = ["chat:write", "channels:history", "files:write"];

/** The server; dispose of it to stop. */
export class SlackServer implements AsyncDisposable {
  readonly messages: ChannelMessage[] = [];
  readonly files: SharedFile[] = [];
  readonly requests: SeenRequest[] = [];
  /** Faults of the next requests, by method; `*` for any. */
  readonly faults: { readonly method: string; readonly fault: Fault }[] = [];
  readonly #options: ServerOptions;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #closing = new AbortController();
  readonly #held: ((response: Response) => void)[] = [];
  readonly #uploads = new Map<string, { name: string; length: number; bytes: number }>();
  #count = 0;

  /** Starts the server. */
  constructor(options: ServerOptions = {}) {
    this.#options = options;
    this.#server = Deno.serve(
      {
        port: options.port ?? 0,
        hostname: "127.0.0.1",
        signal: this.#closing.signal,
        onListen: () => {},
      },
      (request) => this.#answer(request),
    );
  }

  /** Address of the API. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/api/`;
  }

  /** Adds a fault for the next request of a method. */
  fail(method: string, fault: Fault): this {
    this.faults.push({ method, fault });
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const release of this.#held) release(new Response(""));
    this.#closing.abort();
    await this.#server.finished;
  }

  async #answer(request: Request): Promise<Response> {
    const method = new URL(request.url).pathname.replace(/^\/api\//, "");
    const form = await readForm(request);
    const at = this.faults.findIndex((one) => one.method === method || one.method === "*");
    const fault = at < 0 ? undefined : this.faults.splice(at, 1)[0]?.fault;
    const [response, result] = await this.#withFault(
      fault,
      () => this.#serve(method, form, request),
    );
    const seen = {
      atMs: (this.#options.now ?? Date.now)(),
      method,
      authorization: request.headers.get("authorization"),
      form: new Map([...form].filter(([, value]) => typeof value === "string")) as Map<
        string,
        string
      >,
      result,
    };
    this.requests.push(seen);
    return response === "hang"
      ? await new Promise<Response>((resolve) => this.#held.push(resolve))
      : response;
  }

  #withFault(
    fault: Fault | undefined,
    serve: () => Record<string, unknown>,
  ): readonly [Response | "hang", string] {
    if (fault === undefined) {
      const body = serve();
      return [Response.json(body), body["ok"] === true ? "ok" : String(body["error"])];
    }
    if (fault === "hang") return ["hang", "no answer"];
    if (typeof fault === "string") serve();
    if (fault === "done-hang") return ["hang", "done, no answer"];
    if (fault === "done-500") return [new Response("broken", { status: 500 }), "done, but 500"];
    if (fault === "done-cut") return [new Response('{"ok":tr'), "done, answer cut off"];
    if ("error" in fault) return [Response.json({ ok: false, error: fault.error }), fault.error];
    const { status, headers, body } = fault;
    const wait = headers?.["retry-after"];
    const result = wait === undefined ? String(status) : `${status}, wait ${wait} s`;
    return [new Response(body ?? "broken", { status, ...(headers ? { headers } : {}) }), result];
  }

  #serve(method: string, form: FormData, request: Request): Record<string, unknown> {
    if (method.startsWith("/upload/")) return this.#upload(method.slice(8), form);
    if (request.headers.get("authorization") !== `Bearer ${TOKEN}`) return failed("invalid_auth");
    if (method === "chat.postMessage") return this.#post(form);
    if (method === "conversations.history") return this.#history(form);
    if (method === "files.getUploadURLExternal") return this.#uploadUrl(form);
    if (method === "files.completeUploadExternal") return this.#complete(form);
    return failed("unknown_method");
  }

  #allows(scope: string): boolean {
    return (this.#options.scopes ?? SCOPES).includes(scope);
  }

  #post(form: FormData): Record<string, unknown> {
    if (!this.#allows("chat:write")) return failed("missing_scope");
    if (form.get("channel") !== CHANNEL.name && form.get("channel") !== CHANNEL.id) {
      return failed("channel_not_found");
    }
    const text = String(form.get("text") ?? "");
    if (text === "") return failed("no_text");
    if (text.length > 40_000) return failed("msg_too_long");
    const clientMsgId = form.get("client_msg_id")?.toString();
    const known = this.messages.find((message) => message.clientMsgId === clientMsgId);
    const drops = this.#options.dropsDoubles ?? true;
    if (known !== undefined && clientMsgId !== undefined && drops) {
      return { ok: true, channel: CHANNEL.id, ts: known.ts };
    }
    const now = (this.#options.now ?? Date.now)();
    const ts = `${Math.floor(now / 1000)}.${String(++this.#count).padStart(6, "0")}`;
    const metadata: unknown = JSON.parse(String(form.get("metadata") ?? "null"));
    this.messages.push({ ts, text, clientMsgId, metadata });
    return { ok: true, channel: CHANNEL.id, ts };
  }

  #history(form: FormData): Record<string, unknown> {
    if (!this.#allows("channels:history")) return failed("missing_scope");
    if (form.get("channel") !== CHANNEL.id) return failed("channel_not_found");
    const oldest = Number(form.get("oldest") ?? 0);
    const limit = Number(form.get("limit") ?? 100);
    const from = Number(form.get("cursor") ?? 0);
    const withMetadata = form.get("include_all_metadata") === "true";
    const found = this.messages.filter(({ ts }) => Number(ts) >= oldest).toReversed();
    const messages = found.slice(from, from + limit).map(({ ts, text, metadata }) => ({
      ts,
      text,
      ...(withMetadata ? { metadata } : {}),
    }));
    const next = from + limit < found.length ? String(from + limit) : "";
    return { ok: true, messages, response_metadata: { next_cursor: next } };
  }

  #uploadUrl(form: FormData): Record<string, unknown> {
    if (!this.#allows("files:write")) return failed("missing_scope");
    const id = `F${++this.#count}`;
    const [name, length] = [String(form.get("filename")), Number(form.get("length"))];
    this.#uploads.set(id, { name, length, bytes: -1 });
    const url = new URL(`/upload/${id}`, this.url).href;
    return { ok: true, upload_url: url, file_id: id };
  }

  #upload(id: string, form: FormData): Record<string, unknown> {
    const upload = this.#uploads.get(id);
    const file = [...form.values()].find((value) => value instanceof File);
    if (upload === undefined || !(file instanceof File)) return failed("no_file");
    upload.bytes = file.size;
    return { ok: true };
  }

  #complete(form: FormData): Record<string, unknown> {
    const listed = JSON.parse(String(form.get("files"))) as { id: string; title: string }[];
    if (form.get("channel_id") !== CHANNEL.id) return failed("channel_not_found");
    for (const { id, title } of listed) {
      const upload = this.#uploads.get(id);
      if (upload === undefined || upload.bytes !== upload.length) return failed("file_not_found");
      const thread = form.get("thread_ts")?.toString() ?? null;
      this.files.push({ name: upload.name, title, bytes: upload.bytes, thread });
    }
    return { ok: true, files: listed };
  }
}

function failed(error: string): Record<string, unknown> {
  return { ok: false, error };
}

async function readForm(request: Request): Promise<FormData> {
  if (request.headers.get("content-type")?.startsWith("multipart/")) {
    return await request.formData();
  }
  const form = new FormData();
  for (const [name, value] of new URLSearchParams(await request.text())) form.append(name, value);
  return form;
}
