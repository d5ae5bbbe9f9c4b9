/**
 * Calls by fetch, from the Worker itself: HTTP, and calls in gRPC-Web or Connect, which Cloudflare makes gRPC of where the
 * transport says so. No connection is kept, so there is no origin pool's object on the way.
 */
import type { Backend } from "../../routes/model.ts";
import { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { type Body, noBody } from "../call/http.ts";
import { Code } from "../call/status.ts";
import type { ExchangeOptions } from "../exchange.ts";
import type { Plan } from "../plan.ts";
import { needsOwnTls } from "../refusals.ts";
import { EnvelopeSplitter } from "../wire/envelope.ts";
import { bodyFromStream, streamFromBody } from "./web-streams.ts";

/** Whether `backend` is called by fetch. */
export function isFetched({ transport }: Backend): boolean {
  return transport === "fetch" || transport === "grpc-web-convert";
}

/** Why Workers cannot call a backend, if they cannot. */
export function cannotReachFrom(env: { readonly VPC_NETWORK?: unknown }): (backend: Backend) => CallError | undefined {
  return (backend) => {
    const { name, transport, protocol, tls } = backend;
    if (transport === "vpc-network") {
      if (env.VPC_NETWORK === undefined)
        return unavailable(`backend ${name} is in a VPC Network, and this Worker has no binding VPC_NETWORK`);
      if (tls)
        return unavailable(
          `backend ${name} has TLS, which the transport vpc-network cannot carry: do without, as its tunnel encrypts; ` +
            "the transports connection, fetch and grpc-web-convert can",
        );
    }
    if (transport === "fetch" && protocol === "grpc") return noGrpc(name);
    return needsOwnTls(backend);
  };
}

/** Why fetch cannot carry the call, if it cannot. */
export function cannotFetch({ caller, originProtocol, targets, backend }: Plan): CallError | undefined {
  if (caller.protocol === "http" || originProtocol !== "grpc" || targets[0]!.protocol === "http1") return undefined;
  return noGrpc(backend);
}

function noGrpc(name: string): CallError {
  const message = `backend ${name} takes gRPC, which fetch cannot carry: the transports connection, vpc-network and grpc-web-convert can`;
  return new CallError(Code.UNIMPLEMENTED, message, { side: "edge" });
}

function unavailable(message: string): CallError {
  return new CallError(Code.UNAVAILABLE, message, { side: "edge" });
}

/** The part of fetch's options that Cloudflare adds. */
interface CloudflareInit extends RequestInit {
  readonly cf?: { readonly grpcWeb: "convert" };
}

/** Sends a request to one of the backend's endpoints. The origin sees the endpoint as the host: fetch takes no other. */
export const sendByFetch: ExchangeOptions["send"] = ({ head, body }, answer, { targets }) => {
  const [backend] = targets;
  const { host, port } = pick(backend!);
  const { tls, originTls, http, connectTimeoutMs } = backend!;
  answer.attempted(backend!.name, { host, port, tls, originTls, protocol: http, connectTimeoutMs });
  const convert = backend!.transport === "grpc-web-convert";
  const gone = new AbortController();
  let settled = false;
  const fail = (error: CallError): void => {
    if (!settled) answer.fail(error);
    settled = true;
    gone.abort(error);
  };
  const fields = [...head.fields].filter(([name]) => name !== "accept-encoding");
  const init: CloudflareInit = {
    method: head.method,
    // Workers undo what else the origin might choose.
    headers: [...fields, ["accept-encoding", "identity"]],
    signal: gone.signal,
    redirect: "manual",
    ...(body !== noBody && { body: streamFromBody(convert ? oneMessage(body, fail) : body), duplex: "half" }),
    ...(convert && { cf: { grpcWeb: "convert" } }),
  };
  const authority = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  fetch(`${tls ? "https" : "http"}://${authority}${head.path}`, init).then(
    ({ status, headers, body: answered }) => {
      if (settled) return;
      settled = true;
      const response = { status, fields: Fields.from([...headers]) };
      answer.respond({ head: response, body: bodyFromStream(answered) });
    },
    (cause: unknown) => fail(failed(cause)),
  );
  return (reason) => gone.abort(reason);
};

function pick({ endpoints }: Backend): Backend["endpoints"][number] {
  return endpoints[Math.floor(Math.random() * endpoints.length)]!;
}

function failed(cause: unknown): CallError {
  if (cause instanceof CallError) return cause;
  return new CallError(Code.UNAVAILABLE, `fetch: ${String(cause)}`, { side: "origin", cause });
}

/**
 * A request's body that may have one message: Cloudflare converts unary calls and server streams, and no others.
 *
 * @param refuse is called for a second message
 */
function oneMessage(body: Body, refuse: (error: CallError) => void): Body {
  let messages = 0;
  const splitter = new EnvelopeSplitter({ begin: () => void messages++, piece() {}, complete() {} });
  return {
    pipe: (sink) =>
      body.pipe({
        write(bytes) {
          splitter.push(bytes);
          if (messages <= 1) return sink.write(bytes);
          const error = oneMessageOnly();
          refuse(error);
          body.cancel(error);
          sink.fail(error);
        },
        end: (trailers) => sink.end(trailers),
        fail: (error) => sink.fail(error),
      }),
    consumed: (bytes) => body.consumed(bytes),
    cancel: (error) => body.cancel(error),
  };
}

function oneMessageOnly(): CallError {
  const message =
    "the transport grpc-web-convert carries unary calls and server streams only: connection and vpc-network carry all";
  return new CallError(Code.UNIMPLEMENTED, message, { side: "edge" });
}
