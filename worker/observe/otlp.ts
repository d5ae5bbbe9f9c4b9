/** Spans of calls, sent to a collector by OTLP over HTTP in JSON (opentelemetry.io/docs/specs/otlp). */
import type { Clock } from "../call/clock.ts";
import { codeName } from "../call/status.ts";
import type { CallObserver, CallRecord } from "./call.ts";
import { isError } from "./tally.ts";

export interface SpanExporterOptions {
  /** The collector's URL for traces, "http://collector:4318/v1/traces". */
  readonly url: string;
  readonly serviceName: string;
  /** Sent with each batch: what the collector wants to be shown. */
  readonly headers: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly post: (url: string, headers: Readonly<Record<string, string>>, body: string) => Promise<{ status: number }>;
}

/** Those of OpenTelemetry's batch span processor. */
const maxQueued = 2_048;
const maxBatch = 512;
const delayMs = 5_000;

export class SpanExporter implements CallObserver {
  readonly #options: SpanExporterOptions;
  #queue: CallRecord[] = [];
  /** Spans that are on their way. */
  #sending = 0;
  #timer: (() => void) | undefined;
  /** Spans that were lost: too many waited, or the collector did not take them. */
  dropped = 0;

  constructor(options: SpanExporterOptions) {
    this.#options = options;
  }

  began(): void {}

  ended(call: CallRecord): void {
    if (call.trace?.sampled !== true) return;
    if (this.#queue.length + this.#sending >= maxQueued) {
      this.dropped++;
      return;
    }
    this.#queue.push(call);
    if (this.#queue.length >= maxBatch) void this.flush();
    else this.#timer ??= this.#options.clock.after(delayMs, () => void this.flush());
  }

  /** Sends what waits, a batch after the other. Never rejects. */
  async flush(): Promise<void> {
    this.#timer?.();
    this.#timer = undefined;
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, maxBatch);
      this.#queue = this.#queue.slice(maxBatch);
      this.#sending += batch.length;
      // oxlint-disable-next-line no-await-in-loop -- a slow collector is not to get more at once
      if (!(await this.#send(batch))) this.dropped += batch.length;
      this.#sending -= batch.length;
    }
  }

  async #send(batch: readonly CallRecord[]): Promise<boolean> {
    const { url, headers, serviceName, post } = this.#options;
    const resource = { attributes: [attribute("service.name", serviceName)] };
    const scopeSpans = [{ scope: { name: "edgeway" }, spans: batch.map(spanOf) }];
    const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans }] });
    try {
      const { status } = await post(url, { ...headers, "content-type": "application/json" }, body);
      return status >= 200 && status < 300;
    } catch {
      return false; // a collector that is away is no reason to fail a call; it is counted
    }
  }
}

const serverKind = 2;
const errorStatus = 2;

function spanOf(call: CallRecord): Record<string, unknown> {
  const { trace, path, time, durationMs } = call;
  return {
    traceId: trace?.traceId,
    spanId: trace?.spanId,
    parentSpanId: trace?.parentId ?? "",
    // A call's name is its method; plain HTTP has no name of few values but that of its method.
    name: call.protocol === "http" ? call.httpMethod : path.slice(1),
    kind: serverKind,
    startTimeUnixNano: nanos(time),
    endTimeUnixNano: nanos(time + durationMs),
    attributes: attributesOf(call),
    status: isError(call) ? { code: errorStatus, message: call.reason ?? "" } : {},
  };
}

/** Milliseconds as OTLP has times: 64 bits, which JSON writes as a string. */
function nanos(milliseconds: number): string {
  return String(BigInt(Math.round(milliseconds * 1000)) * 1000n);
}

function attributesOf(call: CallRecord): unknown[] {
  const { rule, grpcStatus, httpStatus, path, protocol } = call;
  const [, service = "", method = ""] = /^\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  const values: Record<string, string | number | undefined> = {
    "http.request.method": call.httpMethod,
    "http.response.status_code": httpStatus,
    "url.path": path,
    "server.address": call.authority,
    "rpc.system": protocol === "http" ? undefined : protocol.startsWith("grpc") ? "grpc" : "connect_rpc",
    "rpc.service": protocol === "http" ? undefined : service,
    "rpc.method": protocol === "http" ? undefined : method,
    "rpc.grpc.status_code": grpcStatus,
    "rpc.grpc.status": grpcStatus === undefined ? undefined : codeName(grpcStatus),
    "network.peer.address": call.endpoint,
    "edgeway.revision": call.revision,
    "edgeway.rule": rule && `${rule.cluster}: ${rule.kind} ${rule.namespace}/${rule.name} rule ${rule.ruleIndex}`,
    "edgeway.backend": call.backend,
    "edgeway.attempts": call.attempts,
    "edgeway.ended_by": call.side,
  };
  return Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : attribute(key, value)));
}

function attribute(key: string, value: string | number): unknown {
  return { key, value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value } };
}
