/** Plain HTTP to HTTP/1.1 origins by the runtime's own fetch: no Durable Object on the way. */
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { Code } from "../call/status.ts";
import { modifyHeaders } from "../filter/headers.ts";
import type { Plan } from "../plan.ts";
import { encodeFailure } from "../protocol/index.ts";
import { toResponse } from "./fetch.ts";

/** Carries out a plan whose protocol is "http1". `body` is the caller's, untouched. */
export async function fetchOrigin(
  { caller, backend, endpoint, head, responseHeaders }: Plan,
  body: ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): Promise<Response> {
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  const headers = new Headers([...head.fields]);
  // fetch names the origin's own host; this is where gateways say which one the caller meant.
  headers.set("x-forwarded-host", head.authority);
  let response: Response;
  try {
    response = await fetch(`${endpoint.tls ? "https" : "http"}://${host}:${endpoint.port}${head.path}`, {
      method: head.method,
      headers,
      body,
      redirect: "manual",
      signal,
      ...(body !== null && { duplex: "half" }),
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `backend ${backend}: ${endpoint.host}:${endpoint.port}: ${reason}`;
    return toResponse(encodeFailure(caller, new CallError(Code.UNAVAILABLE, message, { side: "origin", cause })));
  }
  let fields = Fields.from(response.headers);
  for (const modifier of responseHeaders) fields = modifyHeaders(fields, modifier);
  return new Response(response.body, {
    status: response.status,
    headers: [...fields],
    // The bytes pass as the origin encoded them.
    ...(fields.has("content-encoding") && { encodeBody: "manual" }),
  });
}
