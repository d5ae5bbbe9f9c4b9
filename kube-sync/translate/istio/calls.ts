import type { IstioHttpRoute } from "../../objects/istio.ts";
import type { BackendTarget } from "../backends.ts";
import type { FilterInit, RuleInit, Say } from "../context.ts";
import { invalidTarget } from "../context.ts";
import { grpcCode } from "../grpc-codes.ts";
import { SERVER_ERRORS } from "../route-policies.ts";

/** How the calls of a rule are made: their times and attempts; and faults and mirrors. */

type CallPolicies = Pick<RuleInit, "timeouts" | "retry">;

/** Istio's own, for every rule that says nothing else; and what Envoy waits before the first. */
const DEFAULT_RETRIES = { attempts: 2, retryOn: "connect-failure,refused-stream,unavailable,cancelled" };
const MOST_ATTEMPTS = 100;

/** Timeouts and retries; with faults there are none, as Istio has it. */
export function callPolicies(route: IstioHttpRoute, field: string, say: Say): CallPolicies {
  if (route.fault !== undefined) return {};
  const { timeout = 0, retries } = route;
  const attempts = retries?.attempts ?? DEFAULT_RETRIES.attempts;
  if (attempts > MOST_ATTEMPTS)
    say("warning", `${field}.retries.attempts`, `is more than ${MOST_ATTEMPTS}, which holds`);
  const perTry = attempts === 0 ? 0 : (retries?.perTryTimeout ?? 0);
  const backendRequestMs = timeout > 0 ? Math.min(timeout, perTry) : perTry;
  const on = retries?.retryOn || DEFAULT_RETRIES.retryOn;
  return {
    ...(timeout + perTry > 0 && { timeouts: { requestMs: timeout, backendRequestMs } }),
    ...(attempts > 0 && {
      retry: {
        attempts: Math.min(attempts, MOST_ATTEMPTS),
        ...retryConditions(on, `${field}.retries.retryOn`, say),
        backoffMs: retries?.backoff ?? 0,
      },
    }),
  };
}

const RETRY_ON: ReadonlyMap<string, readonly number[]> = new Map([
  ["5xx", SERVER_ERRORS],
  ["gateway-error", [502, 503, 504]],
  ["retriable-4xx", [409]],
  ["envoy-ratelimited", [429]],
]);

/** Envoy's x-envoy-retry-on and x-envoy-retry-grpc-on. What was certainly not processed is sent again in any case. */
function retryConditions(on: string, field: string, say: Say) {
  const grpcCodes = new Set<number>();
  const httpStatuses = new Set<number>();
  let onReset = false;
  for (const word of on.split(",").map((each) => each.trim())) {
    const code = grpcCode(word);
    const statuses = /^[45]\d\d$/.test(word) ? [Number(word)] : RETRY_ON.get(word);
    if (code !== undefined && code > 0) grpcCodes.add(code);
    for (const status of statuses ?? []) httpStatuses.add(status);
    // Envoy counts a connection that breaks among its 5xx.
    if (word === "reset" || word === "5xx") onReset = true;
    const isKnown =
      code !== undefined || statuses !== undefined || /^(reset|connect-failure|refused-stream)$/.test(word);
    if (!isKnown) say("warning", field, `"${word}" is not carried: calls are not made again for it`);
  }
  return { grpcCodes: [...grpcCodes], httpStatuses: [...httpStatuses], onReset };
}

/** Without a percentage Istio does nothing. A string: why it cannot be had. */
export function faultFilter({ fault }: IstioHttpRoute): FilterInit[] | string {
  if (fault === undefined) return [];
  const { delay, abort } = fault;
  const millionths = (percentage: { readonly value: number } | undefined, percent = 0) =>
    Math.round((percentage?.value ?? percent) * 10_000);
  if (delay?.exponentialDelay !== undefined) return "exponentialDelay is not supported";
  if (abort?.http2Error !== undefined) return "http2Error is not supported";
  const grpc = abort?.grpcStatus;
  const code = grpc === undefined ? undefined : /^\d+$/.test(grpc) ? Number(grpc) : grpcCode(grpc);
  if (grpc !== undefined && (code === undefined || code < 1 || code > 16))
    return `"${grpc}" is no gRPC status that fails`;
  const value = {
    delayMs: delay?.fixedDelay ?? 0,
    delayMillionths: delay === undefined ? 0 : millionths(delay.percentage, delay.percent),
    abortMillionths: abort === undefined ? 0 : millionths(abort.percentage),
    ...(code !== undefined && { abort: { case: "grpcCode" as const, value: code } }),
    ...(abort?.httpStatus !== undefined && { abort: { case: "httpStatus" as const, value: abort.httpStatus } }),
  };
  return value.delayMillionths + value.abortMillionths === 0 ? [] : [{ filter: { case: "fault", value } }];
}

/** Copies of calls for other destinations; one that is not found gets none. */
export function mirrorFilters(
  { mirror, mirrorPercentage, mirrorPercent, mirrors }: IstioHttpRoute,
  targetOf: (destination: NonNullable<IstioHttpRoute["mirror"]>) => BackendTarget | string,
  refuse: (field: string, reason: string) => void,
): FilterInit[] {
  const all = [
    ...(mirror
      ? [{ destination: mirror, share: mirrorPercentage?.value ?? mirrorPercent ?? 100, field: "mirror" }]
      : []),
    ...mirrors.map(({ destination, percentage }, i) => ({
      destination,
      share: percentage?.value ?? 100,
      field: `mirrors[${i}]`,
    })),
  ];
  return all.map(({ destination, share, field }): FilterInit => {
    const found = targetOf(destination);
    if (typeof found === "string") refuse(field, found);
    const target = typeof found === "string" ? invalidTarget(found) : found;
    return { filter: { case: "mirror", value: { target, millionths: Math.round(share * 10_000) } } };
  });
}
