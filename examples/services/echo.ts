import type { EventEmitter } from "node:events";
import {
  Metadata,
  type MetadataValue,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
} from "@grpc/grpc-js";
import { encode } from "./protos.ts";

interface Header {
  readonly name: string;
  readonly value: string;
}

interface SayRequest {
  readonly message: string;
  readonly headers: readonly Header[];
  readonly trailers: readonly Header[];
}

interface SayResponse {
  readonly message: string;
  readonly cluster: string;
  readonly environment: string;
  readonly authority: string;
  readonly headers: readonly Header[];
  readonly peer: string;
  readonly timeoutMillis?: number;
}

interface StreamRequest {
  readonly count: number;
  readonly size: number;
  readonly intervalMillis: number;
}

interface FailRequest {
  readonly code: number;
  readonly message: string;
  readonly reason: string;
  readonly after: number;
}

type Stream = ServerWritableStream<StreamRequest, { number: number; payload: Buffer }>;
type Chat = ServerDuplexStream<{ text: string }, { text: string }>;
type Collect = ServerReadableStream<{ payload: Buffer }, { messages: number; bytes: number }>;
type Sleep = ServerUnaryCall<{ millis: number }, object>;
type Fail = ServerWritableStream<FailRequest, { number: number }>;

const maxPayload = 1024 * 1024;

/** edgeway.examples.v1.Echo, which says that it runs in `cluster` as the deployment `environment`. */
export function echo(cluster: string, environment: string) {
  const calls = { open: 0, cancelled: 0 };

  /** Counts the call until it is over. The returned function says that it is about to be answered. */
  function count(call: EventEmitter): () => void {
    let answered = false;
    calls.open += 1;
    // grpc-js emits this whenever a call's stream closes, even after an answer.
    call.once("cancelled", () => {
      calls.open -= 1;
      if (!answered) calls.cancelled += 1;
    });
    return () => (answered = true);
  }

  return {
    say(call: ServerUnaryCall<SayRequest, SayResponse>, answer: sendUnaryData<SayResponse>) {
      const { message, headers, trailers } = call.request;
      call.sendMetadata(toMetadata(headers));
      const response = {
        message,
        cluster,
        environment,
        authority: call.getHost(),
        headers: fromMetadata(call.metadata),
        peer: call.getPeer(),
        ...timeLeft(call.getDeadline()),
      };
      answer(null, response, toMetadata(trailers));
    },

    stream(call: Stream) {
      streamMessages(call, count(call));
    },

    chat(call: Chat) {
      const answered = count(call);
      call.on("data", (message: { text: string }) => call.write(message));
      call.on("end", () => {
        answered();
        call.end();
      });
    },

    collect(call: Collect, answer: sendUnaryData<{ messages: number; bytes: number }>) {
      const answered = count(call);
      let messages = 0;
      let bytes = 0;
      call.on("data", ({ payload }: { payload: Buffer }) => {
        messages += 1;
        bytes += payload.length;
      });
      call.on("end", () => {
        answered();
        answer(null, { messages, bytes });
      });
    },

    sleep(call: Sleep, answer: sendUnaryData<object>) {
      const answered = count(call);
      const timer = setTimeout(() => {
        answered();
        answer(null, {});
      }, call.request.millis);
      call.once("cancelled", () => clearTimeout(timer));
    },

    fail(call: Fail) {
      count(call)();
      const { code, message, reason, after } = call.request;
      for (let number = 1; number <= after; number += 1) call.write({ number });
      const metadata = new Metadata();
      if (reason !== "") metadata.set("grpc-status-details-bin", statusDetails(code, message, reason));
      call.emit("error", { code, details: message, metadata });
    },

    calls(_call: ServerUnaryCall<object, typeof calls>, answer: sendUnaryData<typeof calls>) {
      answer(null, calls);
    },
  };
}

/** Writes as fast as the caller takes it, and stops when it is gone. */
function streamMessages(call: Stream, answered: () => void): void {
  const { count, size, intervalMillis } = call.request;
  const payload = Buffer.alloc(Math.min(Math.max(size, 0), maxPayload), "edgeway ");
  let number = 0;
  let timer: NodeJS.Timeout | undefined;

  function next(): void {
    if (call.cancelled) return;
    while (number < count) {
      number += 1;
      const more = call.write({ number, payload });
      if (number === count) break;
      if (intervalMillis > 0) {
        timer = setTimeout(next, intervalMillis);
        return;
      }
      if (!more) {
        call.once("drain", next);
        return;
      }
    }
    answered();
    call.end();
  }

  call.once("cancelled", () => clearTimeout(timer));
  next();
}

function toMetadata(headers: readonly Header[]): Metadata {
  const metadata = new Metadata();
  for (const { name, value } of headers) {
    metadata.add(name, name.endsWith("-bin") ? Buffer.from(value, "base64") : value);
  }
  return metadata;
}

function textOf(value: MetadataValue): string {
  return typeof value === "string" ? value : value.toString("base64");
}

function fromMetadata(metadata: Metadata): Header[] {
  return Object.keys(metadata.getMap())
    .toSorted()
    .flatMap((name) => metadata.get(name).map((value) => ({ name, value: textOf(value) })));
}

function timeLeft(deadline: Date | number): { timeoutMillis?: number } {
  const left = Number(deadline) - Date.now();
  return Number.isFinite(left) ? { timeoutMillis: Math.round(left) } : {};
}

function statusDetails(code: number, message: string, reason: string): Buffer {
  const errorInfo = encode("google.rpc.ErrorInfo", { reason, domain: "examples.edgeway.dev" });
  const detail = { type_url: "type.googleapis.com/google.rpc.ErrorInfo", value: errorInfo };
  return encode("google.rpc.Status", { code, message, details: [detail] });
}
