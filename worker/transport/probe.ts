/** One question to an endpoint: whether it is well. */
import type { CodeRange, GrpcProbe, HealthCheck, HttpProbe } from "../../routes/policies.ts";
import type { Clock } from "../call/clock.ts";
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { type Body, type HttpRequest, type HttpResponse, noBody } from "../call/http.ts";
import { Code } from "../call/status.ts";
import { envelope } from "../wire/envelope.ts";
import type { Endpoint, Pool } from "./pool.ts";

/** Bytes of an answer that are looked at: grpc.health.v1's has seven. */
const maxAnswerBytes = 64;

/** Calls `done` once, within the check's time. Returns what gives the question up: then it is not called. */
export function probe(check: HealthCheck, endpoint: Endpoint, pool: Pool, clock: Clock, done: (well: boolean) => void) {
  const { probe: asked, timeoutMs } = check;
  if (asked.kind === "tcp") throw new Error("a TCP probe asks nothing");
  let open = true;
  const end = (): boolean => {
    const wasOpen = open;
    open = false;
    stop();
    return wasOpen;
  };
  const settle = (well: boolean): void => {
    if (end()) done(well);
  };
  const give = (message: string): void => cancel?.(new CallError(Code.CANCELLED, message, { side: "edge" }));
  const stop = clock.after(timeoutMs, () => {
    settle(false);
    give("the health check took too long");
  });
  const request = asked.kind === "grpc" ? grpcRequest(asked, endpoint) : httpRequest(asked, endpoint);
  const cancel: ((error: CallError) => void) | undefined = pool.handle(request, {
    respond: (response) => {
      if (asked.kind === "grpc") judgeGrpc(asked, response, settle);
      else {
        const { status } = response.head;
        settle(isIn(asked.statuses, status));
        response.body.cancel(new CallError(Code.CANCELLED, "the status is known", { side: "edge" }));
      }
    },
    fail: () => settle(false),
  });
  return () => {
    end();
    give("the health check is given up");
  };
}

function isIn(ranges: readonly CodeRange[], code: number): boolean {
  return ranges.some(([first, last]) => code >= first && code <= last);
}

function headOf(endpoint: Endpoint, method: string, path: string, authority: string, fields: readonly string[]) {
  const scheme = endpoint.tls ? ("https" as const) : ("http" as const);
  return { method, scheme, authority, path, fields: new Fields([...fields, "user-agent", "edgeway-health-check"]) };
}

function authorityOf({ host, port }: Endpoint): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function httpRequest({ method, path, host }: HttpProbe, endpoint: Endpoint): HttpRequest {
  return { head: headOf(endpoint, method, path, host ?? authorityOf(endpoint), []), body: noBody };
}

const healthPath = "/grpc.health.v1.Health/Check";

/** grpc.health.v1.HealthCheckRequest {string service = 1}, or an empty message where it asks another method. */
function grpcRequest({ service, path }: GrpcProbe, endpoint: Endpoint): HttpRequest {
  const name = new TextEncoder().encode(service);
  const message = path !== undefined || name.length === 0 ? new Uint8Array(0) : field1(name);
  const fields = ["te", "trailers", "content-type", "application/grpc"];
  const head = headOf(endpoint, "POST", path ?? healthPath, authorityOf(endpoint), fields);
  return { head, body: bodyOf(envelope(0, message)) };
}

/** A service's name is shorter than 128 bytes or has a length of two bytes. */
function field1(name: Uint8Array): Uint8Array {
  const length = name.length < 0x80 ? [name.length] : [(name.length & 0x7f) | 0x80, name.length >> 7];
  return Uint8Array.from([0x0a, ...length, ...name]);
}

function bodyOf(bytes: Uint8Array): Body {
  return {
    pipe(sink) {
      sink.write(bytes);
      sink.end(Fields.empty);
    },
    consumed() {},
    cancel() {},
  };
}

/** SERVING with status OK, or one of the codes that were asked for. */
function judgeGrpc({ path, codes }: GrpcProbe, { head, body }: HttpResponse, done: (well: boolean) => void): void {
  let answer = new Uint8Array(0);
  const judge = (trailers: Fields): void => {
    const status = trailers.get("grpc-status") ?? head.fields.get("grpc-status");
    if (status === undefined) return done(false);
    if (path !== undefined) return done(isIn(codes, Number(status)));
    done(status === "0" && isServing(answer));
  };
  body.pipe({
    write(bytes) {
      body.consumed(bytes.length);
      if (answer.length < maxAnswerBytes) answer = concat(answer, bytes.subarray(0, maxAnswerBytes));
    },
    end: judge,
    fail: () => done(false),
  });
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** grpc.health.v1.HealthCheckResponse {ServingStatus status = 1}, where SERVING is 1, uncompressed and whole. */
function isServing(answer: Uint8Array): boolean {
  const wanted = [0, 0, 0, 0, 2, 0x08, 1];
  return answer.length >= wanted.length && wanted.every((byte, i) => answer[i] === byte);
}
