/**
 * How one call is spoken between its caller and its origin: as it came where both know that, from one protocol to the
 * other, and translated where the caller's messages are JSON and the backend's descriptors say what they are in protobuf.
 */
import { CallError } from "../call/error.ts";
import { Code } from "../call/status.ts";
import { type Compressions, webCompressions } from "../protocol/compression.ts";
import type { Conversation, PlannedCall, Refusal } from "./conversation.ts";
import type { Descriptors } from "./descriptors.ts";
import { refuse, untranslated } from "./untranslated.ts";

/**
 * @param descriptors those that the call names, if they could be had. They bring what translates with them: it takes much
 *   code, which a host without any has no use for
 * @param compressions those of the host
 */
export function converse(
  call: PlannedCall,
  descriptors: Descriptors | undefined,
  compressions: Compressions = webCompressions,
): Conversation | Refusal {
  if (call.translation === undefined) return untranslated(call, undefined, compressions);
  if (descriptors !== undefined) return descriptors.converse(call, call.translation.orHttp, compressions);
  const message = `the edge has not got the descriptors of backend ${call.backend}`;
  return refuse(call.caller, new CallError(Code.UNAVAILABLE, message, { side: "edge" }));
}
