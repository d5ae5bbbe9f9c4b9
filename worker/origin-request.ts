/** A call as its backend takes it, if it does: what it is spoken in there, and the request that goes out. */
import type { Backend, Filter, PathMatch } from "../routes/model.ts";
import type { CallError } from "./call/error.ts";
import type { Fields } from "./call/fields.ts";
import type { RequestHead } from "./call/http.ts";
import { preflightOf, preflightRefused } from "./filter/cors.ts";
import { modifyAll, requestModifiersOf } from "./filter/headers.ts";
import { rewrite } from "./filter/rewrite.ts";
import { requestMetadata } from "./protocol/fields.ts";
import {
  type Accepted,
  type AcceptedHttp,
  type AcceptedRpc,
  encodeRequest,
  type OriginProtocol,
  passesAsItIs,
  passRequest,
  type RpcCaller,
  unsupportedMediaType,
  withForwarding,
  withoutForwarding,
} from "./protocol/index.ts";
import { cannotTakeGrpc, cannotTakeWebSocket, headersTooLarge, isTooLarge } from "./refusals.ts";
import { noDescriptors, type Translation } from "./transcode/index.ts";

/** The request as `backend` can take it, if it can. */
export function speak(accepted: AcceptedHttp | AcceptedRpc, head: RequestHead, backend: Backend): Accepted {
  if (head.upgrade !== undefined && backend.http === "http2")
    return { kind: "refused", caller: accepted.caller, error: cannotTakeWebSocket(backend) };
  switch (backend.protocol) {
    case "http1":
      return asHttp(accepted, backend);
    case "http2":
    case "grpc-web":
    case "connect":
      return accepted;
    case "grpc":
      // With descriptors plain HTTP may be a call by REST: whoever has them sees.
      if (accepted.kind === "rpc" || backend.descriptors !== undefined) return accepted;
      return accepted.orRpc ?? { kind: "refused", caller: accepted.caller, error: noCall(head, backend) };
  }
}

/** A POST of another type may be a call gone wrong; anything else is meant for REST. */
function noCall(head: RequestHead, { name }: Backend): CallError {
  if (preflightOf(head) !== undefined) return preflightRefused();
  return head.method === "POST" ? unsupportedMediaType(head) : noDescriptors(name);
}

/** @param converts whether gRPC-Web becomes gRPC on the way to backends whose transport says so */
export function originProtocolOf({ protocol, transport }: Backend, converts: boolean | undefined): OriginProtocol {
  if (converts === true && transport === "grpc-web-convert") return "grpc-web";
  return protocol === "grpc-web" || protocol === "connect" ? protocol : "grpc";
}

/** JSON and plain HTTP may have to be translated; of other calls a descriptor may have to tell what kind they are. */
export function translationOf(
  accepted: AcceptedHttp | AcceptedRpc,
  { protocol, descriptors }: Backend,
): Translation | undefined {
  if (descriptors === undefined || protocol === "http1") return undefined;
  if (accepted.kind === "rpc" && !isDescribed(accepted.caller, protocol)) return undefined;
  return { descriptors, orHttp: protocol !== "grpc" };
}

function isDescribed({ protocol: spoken, codec }: RpcCaller, protocol: Backend["protocol"]): boolean {
  // Connect's own callers say whether they call a stream.
  if (protocol === "connect") return !spoken.startsWith("connect-");
  return codec === "json" || spoken === "connect-get";
}

/** Over HTTP/1.1 every request goes as it is, calls of gRPC-Web and Connect among them. */
function asHttp(accepted: AcceptedHttp | AcceptedRpc, backend: Backend): Accepted {
  if (accepted.kind === "http") return accepted;
  const { caller } = accepted;
  if (caller.protocol !== "grpc")
    return { kind: "http", caller: { protocol: "http", bodiless: false }, orRpc: undefined };
  return {
    kind: "refused",
    caller,
    error: cannotTakeGrpc(backend),
  };
}

/** What the request to an origin is made of. */
interface Outgoing {
  readonly head: RequestHead;
  readonly address: string;
  readonly backend: Backend;
  readonly originProtocol: OriginProtocol;
  readonly filters: readonly Filter[];
  readonly matched: PathMatch;
}

/** The request as the origin gets it. */
export function originHead(
  accepted: AcceptedHttp | AcceptedRpc,
  { head, address, backend, originProtocol, filters, matched }: Outgoing,
): RequestHead {
  const scheme = backend.tls ? "https" : "http";
  const modifiers = requestModifiersOf(filters, head.fields);
  if (accepted.kind === "http" || passesAsItIs(originProtocol, accepted.caller)) {
    const passed = passRequest(head, scheme);
    const own =
      accepted.kind === "http" ? withForwarding(passed.fields, head, address) : unforged(accepted, passed.fields);
    const outgoing = { ...passed, ...rewrite(head, filters, matched), fields: modifyAll(own, modifiers) };
    // With the edge's own fields: a long host is told twice.
    if (isTooLarge(outgoing)) throw headersTooLarge();
    return outgoing;
  }
  const { authority } = head;
  const target = rewrite({ authority, path: accepted.head.path }, filters, matched);
  const own = unforged(accepted, accepted.head.metadata);
  // What the protocol itself writes is no rule's to write again.
  const metadata = modifiers.length === 0 ? own : requestMetadata(modifyAll(own, modifiers));
  // A head that is handed on as it is can be known again.
  const same = target.path === accepted.head.path && metadata === accepted.head.metadata;
  const call = same ? accepted.head : { ...accepted.head, path: target.path, metadata };
  return encodeRequest(call, { scheme, authority: target.authority });
}

/** A call's fields without what its caller has no business to say. */
function unforged({ forwarding }: AcceptedRpc, fields: Fields): Fields {
  return forwarding ? withoutForwarding(fields) : fields;
}
