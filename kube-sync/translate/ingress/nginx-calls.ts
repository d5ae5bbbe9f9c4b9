import { forms } from "../../../routes/syntax.ts";
import { findPort, useBackend } from "../backends.ts";
import type { Form } from "../annotations.ts";
import { integer, oneOf, textOf } from "../annotations.ts";
import type { FilterInit } from "../context.ts";
import { serviceNameOf } from "../service-host.ts";
import type { CallPolicies, Reading } from "./dialect.ts";
import { annotationOf, sayOf, valueOf } from "./dialect.ts";
import { seconds } from "./nginx-origin.ts";

/** How NGINX makes calls: their times, attempts, sessions, limits and copies. */

export const CALL_ANNOTATIONS = [
  "proxy-read-timeout",
  "proxy-next-upstream",
  "proxy-next-upstream-tries",
  "affinity",
  "session-cookie-name",
  "session-cookie-max-age",
  "limit-rps",
  "limit-rpm",
  "limit-burst-multiplier",
  "mirror-target",
] as const;

export function nginxPolicies(reading: Reading): CallPolicies {
  const idleMs = valueOf(reading, "proxy-read-timeout", seconds);
  const retry = retryOf(reading);
  const session = sessionOf(reading);
  return {
    ...(idleMs !== undefined && { timeouts: { idleMs } }),
    ...(retry && { retry }),
    ...(session && { session }),
  };
}

const CONDITIONS = ["error", "timeout", "invalid_header", "non_idempotent", "off"];

const nextUpstream: Form<readonly string[]> = {
  says: `some of ${CONDITIONS.join(", ")} and http_500, http_503 and the like`,
  read: (value) => {
    const words = value.split(/\s+/).filter((word) => word !== "");
    const areKnown = words.every((word) => CONDITIONS.includes(word) || /^http_[45]\d\d$/.test(word));
    return words.length > 0 && areKnown ? words : undefined;
  },
};

const DEFAULT_TRIES = 3;
/** Where NGINX has no limit. */
const MOST_TRIES = 10;

/**
 * Calls, which are POST, NGINX sends again only when told "non_idempotent", unless the origin has not begun to process
 * them: and these the edge sends again in any case.
 */
function retryOf(reading: Reading): CallPolicies["retry"] {
  const words = valueOf(reading, "proxy-next-upstream", nextUpstream);
  const tries = valueOf(reading, "proxy-next-upstream-tries", integer(0, 100));
  if (words === undefined || words.includes("off")) return undefined;
  if (!words.includes("non_idempotent")) {
    const reason = "without non_idempotent only calls that the origin has not begun to process are sent again";
    sayOf(reading, "proxy-next-upstream", "info", reason);
    return undefined;
  }
  return {
    attempts: (tries === 0 ? MOST_TRIES : (tries ?? DEFAULT_TRIES)) - 1,
    httpStatuses: words.flatMap((word) => (word.startsWith("http_") ? Number(word.slice(5)) : [])),
    onReset: words.includes("error") || words.includes("timeout"),
  };
}

const affinities = oneOf(new Map([["cookie", true]]));
const cookieName = textOf(forms.cookieName.says, (value) => forms.cookieName.holds(value));

function sessionOf(reading: Reading): CallPolicies["session"] {
  if (valueOf(reading, "affinity", affinities) === undefined) return undefined;
  const name = valueOf(reading, "session-cookie-name", cookieName) ?? "INGRESSCOOKIE";
  const age = valueOf(reading, "session-cookie-max-age", integer(0, 2_147_483_647)) ?? 0;
  return { carrier: { case: "cookie", value: name }, absoluteTimeoutSeconds: age, permanent: age > 0 };
}

const BURST_MULTIPLIER = 5;

/** Each caller's calls, and beyond them a burst that is a multiple. */
export function nginxGuards(reading: Reading): FilterInit[] {
  const factor = valueOf(reading, "limit-burst-multiplier", integer(1, 1000)) ?? BURST_MULTIPLIER;
  const limit = (name: "limit-rps" | "limit-rpm", periodMs: number): FilterInit[] => {
    const calls = valueOf(reading, name, integer(1, 1_000_000));
    if (calls === undefined) return [];
    const key = { case: "source" as const, value: true };
    return [{ filter: { case: "rateLimit", value: { calls, periodMs, burst: calls * factor, key } } }];
  };
  return [...limit("limit-rps", 1000), ...limit("limit-rpm", 60_000)];
}

/** A mirror that is a Service of the cluster; others are not reached. */
export function mirrorFilter(reading: Reading): FilterInit[] {
  const target = annotationOf(reading, "mirror-target")?.trim();
  if (target === undefined) return [];
  const refuse = (reason: string): FilterInit[] => {
    sayOf(reading, "mirror-target", "warning", `${reason}: calls are made without it`);
    return [];
  };
  const [, scheme, host = "", given] = /^(https?):\/\/([^/:$]+)(?::(\d{1,5}))?(?:\$request_uri)?$/.exec(target) ?? [];
  if (scheme === undefined) return refuse(`"${target}" is no host, with $request_uri or nothing behind it`);
  const { context, ingress } = reading;
  const [namespace = "", name = ""] = serviceNameOf(host, ingress.metadata.namespace)?.split("/") ?? [];
  const service = context.objects.get("Service", namespace, name);
  if (service === undefined) return refuse(`${host} is no Service of the cluster`);
  const port = findPort(service, given === undefined ? (scheme === "https" ? 443 : 80) : Number(given));
  if (port === undefined) return refuse(`Service ${namespace}/${name} has no such port`);
  const backend = useBackend(context, service, port, scheme === "https" ? { tls: true } : {});
  return [{ filter: { case: "mirror", value: { target: backend, millionths: 1_000_000 } } }];
}
