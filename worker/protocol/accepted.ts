import type { CallError } from "../call/error.ts";
import type { RpcRequestHead } from "../call/rpc.ts";
import type { Caller, HttpCaller, RpcCaller } from "./caller.ts";

/** What a request turned out to be. */
export type Accepted = AcceptedRpc | AcceptedHttp | Refused;

export interface AcceptedRpc {
  readonly kind: "rpc";
  readonly caller: RpcCaller;
  readonly head: RpcRequestHead;
  /** Whether its metadata has what only the edge may say, see forwarding.ts. */
  readonly forwarding: boolean;
}

/** Plain HTTP. */
export interface AcceptedHttp {
  readonly kind: "http";
  readonly caller: HttpCaller;
  /**
   * What the request is if its route leads to a gRPC backend: Connect asks for no header that tells its JSON calls and
   * its GETs from other HTTP. Undefined if it can be no call.
   */
  readonly orRpc: AcceptedRpc | Refused | undefined;
}

/** No route need be looked for: the answer is `error`, in the caller's protocol. */
export interface Refused {
  readonly kind: "refused";
  readonly caller: Caller;
  readonly error: CallError;
}
