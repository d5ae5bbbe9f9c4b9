// @ts-check
/**
 * Calls made from the page through the very edge that it came from, in JSON: the edge translates it by the descriptors that
 * the form is made from. Connect (connectrpc.com/docs/protocol) or gRPC-Web (github.com/grpc/grpc doc/PROTOCOL-WEB.md).
 */
import { token } from "./api.js";
import { statusNames } from "./dom.js";

/**
 * @typedef {object} Call
 * @property {string} path "/package.Service/Method"
 * @property {string} host for which the call is routed: "https://host", or a host alone
 * @property {"connect" | "grpc-web"} protocol
 * @property {boolean} streaming whether the answer is a stream
 * @property {string} message JSON
 * @property {[string, string][]} metadata
 * @property {number | undefined} timeoutMs
 */

/**
 * @typedef {object} Outcome
 * @property {string} status a name of gRPC's
 * @property {string} message
 * @property {unknown[]} details
 * @property {number | undefined} http the answer's HTTP status
 * @property {[string, string][]} headers
 * @property {[string, string][]} trailers
 * @property {Decision | undefined} decision
 * @property {number} headMs
 * @property {number} totalMs
 */

/** @typedef {{ revision: string, rule: import("../../routes/model.ts").RuleSource | null, backend?: string, error?: string }} Decision */

/**
 * @param {Call} call
 * @param {(message: unknown) => void} onMessage
 * @param {AbortSignal} signal
 * @returns {Promise<Outcome>}
 */
export async function makeCall(call, onMessage, signal) {
  const begun = performance.now();
  /** @type {Outcome} */
  const outcome = {
    status: "OK",
    message: "",
    details: [],
    http: undefined,
    headers: [],
    trailers: [],
    decision: undefined,
    headMs: 0,
    totalMs: 0,
  };
  try {
    const response = await fetch(call.path, { method: "POST", headers: headersOf(call), body: bodyOf(call), signal });
    outcome.headMs = performance.now() - begun;
    outcome.http = response.status;
    outcome.headers = [...response.headers].filter(([name]) => name !== "x-edgeway-explain");
    const decision = response.headers.get("x-edgeway-explain");
    if (decision !== null) outcome.decision = JSON.parse(decision);
    await readAnswer(call, response, outcome, onMessage);
  } catch (error) {
    const cancelled = signal.aborted;
    outcome.status = cancelled ? "CANCELLED" : "UNAVAILABLE";
    outcome.message = cancelled ? "by you" : error instanceof Error ? error.message : String(error);
  }
  outcome.totalMs = performance.now() - begun;
  return outcome;
}

/** @param {Call} call */
function headersOf({ protocol, streaming, metadata, timeoutMs, host }) {
  const headers = new Headers(metadata);
  headers.set("x-edgeway-explain", token());
  if (host !== location.origin) headers.set("x-edgeway-host", host);
  if (protocol === "grpc-web") {
    headers.set("content-type", "application/grpc-web+json");
    headers.set("x-grpc-web", "1");
    if (timeoutMs !== undefined) headers.set("grpc-timeout", `${timeoutMs}m`);
  } else {
    headers.set("content-type", streaming ? "application/connect+json" : "application/json");
    headers.set("connect-protocol-version", "1");
    if (timeoutMs !== undefined) headers.set("connect-timeout-ms", String(timeoutMs));
  }
  return headers;
}

/** @param {Call} call */
function bodyOf({ protocol, streaming, message }) {
  const json = new TextEncoder().encode(message);
  if (protocol === "connect" && !streaming) return json;
  const framed = new Uint8Array(5 + json.length);
  new DataView(framed.buffer).setUint32(1, json.length);
  framed.set(json, 5);
  return framed;
}

/**
 * @param {Call} call
 * @param {Response} response
 * @param {Outcome} outcome
 * @param {(message: unknown) => void} onMessage
 */
async function readAnswer({ protocol, streaming }, response, outcome, onMessage) {
  if (protocol === "connect" && !streaming) {
    const text = await response.text();
    if (response.ok) return onMessage(JSON.parse(text));
    return connectError(outcome, parsed(text) ?? { message: text.trim() || `HTTP ${response.status}` });
  }
  if (!response.ok) {
    const text = await response.text();
    return connectError(outcome, parsed(text) ?? { message: text.trim() || `HTTP ${response.status}` });
  }
  let ended = takeGrpcStatus(outcome, [...response.headers]);
  for await (const [flags, bytes] of frames(response)) {
    const text = new TextDecoder().decode(bytes);
    if (flags === 0) onMessage(JSON.parse(text));
    else {
      ended = true;
      if (flags & 0x80) takeGrpcStatus(outcome, fieldsOf(text));
      else connectEnd(outcome, JSON.parse(text));
    }
  }
  if (!ended) Object.assign(outcome, { status: "UNKNOWN", message: "the answer ended without a status" });
}

/**
 * Frames of one flag byte, four length bytes and what they count.
 *
 * @param {Response} response
 * @returns {AsyncGenerator<[flags: number, bytes: Uint8Array]>}
 */
async function* frames(response) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  let rest = new Uint8Array(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const joined = new Uint8Array(rest.length + value.length);
    joined.set(rest);
    joined.set(value, rest.length);
    rest = joined;
    while (rest.length >= 5) {
      const end = 5 + new DataView(rest.buffer, rest.byteOffset).getUint32(1);
      if (rest.length < end) break;
      yield [rest[0] ?? 0, rest.subarray(5, end)];
      rest = rest.subarray(end);
    }
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @param {Outcome} outcome @param {{ code?: string, message?: string, details?: unknown[] }} error */
function connectError(outcome, { code = "unknown", message = "", details = [] }) {
  const status = code.toUpperCase() === "CANCELED" ? "CANCELLED" : code.toUpperCase();
  Object.assign(outcome, { status, message, details });
}

/** @param {Outcome} outcome @param {{ error?: object, metadata?: Record<string, string[]> }} end */
function connectEnd(outcome, { error, metadata = {} }) {
  if (error !== undefined) connectError(outcome, error);
  outcome.trailers = Object.entries(metadata).flatMap(([name, values]) =>
    values.map((value) => /** @type {[string, string]} */ ([name, value])),
  );
}

/** @param {string} text "name: value" lines */
function fieldsOf(text) {
  return text
    .split("\r\n")
    .filter((line) => line.includes(":"))
    .map(
      (line) =>
        /** @type {[string, string]} */ ([
          line.slice(0, line.indexOf(":")).toLowerCase(),
          line.slice(line.indexOf(":") + 1).trim(),
        ]),
    );
}

/** Whether there is one. @param {Outcome} outcome @param {[string, string][]} fields */
function takeGrpcStatus(outcome, fields) {
  const status = fields.find(([name]) => name === "grpc-status")?.[1];
  if (status === undefined) return false;
  const message = fields.find(([name]) => name === "grpc-message")?.[1] ?? "";
  const trailers = fields.filter(([name]) => !name.startsWith("grpc-"));
  Object.assign(outcome, {
    status: statusNames[Number(status)] ?? "UNKNOWN",
    message: decodeURIComponent(message),
    trailers,
  });
  return true;
}
