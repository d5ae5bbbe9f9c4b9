/** From the messages of a rule's policies to their checked form; undefined where they ask for nothing. */
import type {
  Hedging as HedgingMessage,
  Retry as RetryMessage,
  SessionPersistence as SessionMessage,
  Timeouts as TimeoutsMessage,
} from "../../proto/gen/edgeway/v1/policy_pb.js";
import type { Place } from "../issues.ts";
import type { Hedging, Retry, SessionPersistence, Timeouts } from "../policies.ts";
import { forms } from "../syntax.ts";
import { limits, refuseUnknown } from "./list.ts";
import { bounded, failures, time } from "./shared.ts";

export function decodeTimeouts(message: TimeoutsMessage | undefined, parent: Place): Timeouts | undefined {
  if (message === undefined) return undefined;
  const place = parent.at("timeouts");
  refuseUnknown(message, place);
  const requestMs = time(message.requestMs, place.at("requestMs"));
  const backendRequestMs = time(message.backendRequestMs, place.at("backendRequestMs"));
  const idleMs = time(message.idleMs, place.at("idleMs"));
  // Gateway API's own rule for its HTTPRouteTimeouts.
  if (requestMs !== undefined && backendRequestMs !== undefined && backendRequestMs > requestMs)
    place.at("backendRequestMs").wrong("must be at most requestMs");
  if (requestMs === undefined && backendRequestMs === undefined && idleMs === undefined) return undefined;
  return Object.freeze({ requestMs, backendRequestMs, idleMs });
}

export function decodeRetry(message: RetryMessage | undefined, parent: Place): Retry | undefined {
  if (message === undefined) return undefined;
  const place = parent.at("retry");
  refuseUnknown(message, place);
  const backoffMs = time(message.backoffMs, place.at("backoffMs")) ?? 25;
  const maxBackoffMs = time(message.maxBackoffMs, place.at("maxBackoffMs")) ?? 10 * backoffMs;
  if (maxBackoffMs < backoffMs) place.at("maxBackoffMs").wrong("must be at least backoffMs");
  const attempts = bounded(message.attempts, 0, limits.attempts, place.at("attempts"));
  const codes = failures(message, place);
  if (attempts === 0) return undefined;
  return Object.freeze({ attempts, ...codes, onReset: message.onReset, backoffMs, maxBackoffMs });
}

export function decodeHedging(message: HedgingMessage | undefined, parent: Place): Hedging | undefined {
  if (message === undefined) return undefined;
  const place = parent.at("hedging");
  refuseUnknown(message, place);
  const attempts = bounded(message.attempts, 0, limits.attempts, place.at("attempts"));
  const delayMs = bounded(message.delayMs, 0, limits.ms, place.at("delayMs"));
  return attempts === 0 ? undefined : Object.freeze({ attempts, delayMs });
}

export function decodeSession(message: SessionMessage | undefined, parent: Place): SessionPersistence | undefined {
  if (message === undefined) return undefined;
  const place = parent.at("session");
  refuseUnknown(message, place);
  const { carrier, absoluteTimeoutSeconds, permanent } = message;
  if (carrier.case === undefined) {
    place.wrong("must have a cookie or a header");
    return undefined;
  }
  const form = carrier.case === "cookie" ? forms.cookieName : forms.headerName;
  if (permanent && absoluteTimeoutSeconds === 0)
    place.at("absoluteTimeoutSeconds").wrong("must be set for a cookie that is permanent");
  return Object.freeze({
    carrier: carrier.case,
    name: place.at(carrier.case).check(carrier.value, form),
    absoluteTimeoutSeconds: absoluteTimeoutSeconds === 0 ? undefined : absoluteTimeoutSeconds,
    permanent,
  });
}
