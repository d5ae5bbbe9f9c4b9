/** From the messages of the filters that copy, fail, delay or count calls to their checked form. */
import type {
  Fault as FaultMessage,
  Mirror as MirrorMessage,
  RateLimit as RateLimitMessage,
} from "../../proto/gen/edgeway/v1/policy_pb.js";
import type { Place } from "../issues.ts";
import type { Backend, Mirror } from "../model.ts";
import type { Fault, RateLimit } from "../policies.ts";
import { forms } from "../syntax.ts";
import { limits } from "./list.ts";
import { bounded, share } from "./shared.ts";

export function decodeMirror(
  { target, millionths }: MirrorMessage,
  backends: ReadonlyMap<string, Backend>,
  place: Place,
): Mirror {
  const backend = target.case === "backend" ? backends.get(target.value) : undefined;
  if (target.case === "invalid") place.at("invalid").check(target.value, forms.reason);
  else if (backend === undefined)
    place.at("backend").wrong(target.case === "backend" ? "names no backend of the table" : "must be set");
  return Object.freeze({ kind: "mirror", backend, share: share(millionths, place.at("millionths")) });
}

export function decodeFault(message: FaultMessage, place: Place): Fault {
  return Object.freeze({
    kind: "fault",
    delayMs: bounded(message.delayMs, 0, limits.ms, place.at("delayMs")),
    delayShare: share(message.delayMillionths, place.at("delayMillionths")),
    abort: decodeAbort(message.abort, place),
    abortShare: share(message.abortMillionths, place.at("abortMillionths")),
  });
}

function decodeAbort(abort: FaultMessage["abort"], place: Place): Fault["abort"] {
  switch (abort.case) {
    case "grpcCode":
      return Object.freeze({ grpcCode: bounded(abort.value, 1, 16, place.at("grpcCode")) });
    case "httpStatus":
      return Object.freeze({ httpStatus: bounded(abort.value, 200, 599, place.at("httpStatus")) });
    default:
      return undefined;
  }
}

/** @param id unique to the filter, and the same in every table that has it */
export function decodeRateLimit(message: RateLimitMessage, id: string, place: Place): RateLimit {
  const { calls, periodMs, burst } = message;
  if (calls === 0) place.at("calls").wrong("must be at least 1");
  return Object.freeze({
    kind: "rateLimit",
    calls,
    periodMs: bounded(periodMs, 1, limits.ms, place.at("periodMs")),
    burst: burst === 0 ? calls : burst,
    key: decodeKey(message.key, place),
    id,
  });
}

function decodeKey(key: RateLimitMessage["key"], place: Place): RateLimit["key"] {
  switch (key.case) {
    case "header":
      return Object.freeze({ header: place.at("header").check(key.value, forms.headerName) });
    case "source":
      return key.value ? "source" : undefined;
    default:
      return undefined;
  }
}
