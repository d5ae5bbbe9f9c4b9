/** An answer's body whose end tells how well its endpoint does. */
import type { OutlierDetection } from "../../routes/policies.ts";
import type { CallError } from "../call/error.ts";
import type { Fields } from "../call/fields.ts";
import { type Body, type BodySink, type HttpResponse, noBody, type ResponseHead } from "../call/http.ts";

/** `response`, with `report` called once as soon as is known whether it is a failure by `policy`. */
export function watch(response: HttpResponse, policy: OutlierDetection, report: (good: boolean) => void): HttpResponse {
  const { head, body } = response;
  const failed = fails(head, policy);
  if (failed || body === noBody || policy.grpcCodes.length === 0) {
    report(!failed);
    return response;
  }
  return { head, body: new WatchedBody(body, policy, report) };
}

function fails({ status, fields }: ResponseHead, policy: OutlierDetection): boolean {
  return policy.httpStatuses.includes(status) || hasFailed(fields, policy);
}

function hasFailed(fields: Fields, { grpcCodes }: OutlierDetection): boolean {
  const code = fields.get("grpc-status");
  return code !== undefined && grpcCodes.includes(Number(code));
}

class WatchedBody implements Body, BodySink {
  readonly #body: Body;
  readonly #policy: OutlierDetection;
  readonly #report: (good: boolean) => void;
  #sink: BodySink | undefined;

  constructor(body: Body, policy: OutlierDetection, report: (good: boolean) => void) {
    this.#body = body;
    this.#policy = policy;
    this.#report = report;
  }

  pipe(sink: BodySink): void {
    this.#sink = sink;
    this.#body.pipe(this);
  }

  consumed(bytes: number): void {
    this.#body.consumed(bytes);
  }

  cancel(error: CallError): void {
    this.#body.cancel(error);
  }

  write(bytes: Uint8Array): void {
    this.#sink!.write(bytes);
  }

  end(trailers: Fields): void {
    this.#report(!hasFailed(trailers, this.#policy));
    this.#sink!.end(trailers);
  }

  fail(error: CallError): void {
    if (error.side === "origin") this.#report(false);
    this.#sink!.fail(error);
  }
}
