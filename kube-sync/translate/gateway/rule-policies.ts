import type { HttpRouteRule } from "../../objects/http-route.ts";
import type { SessionPersistence } from "../../objects/route-parts.ts";
import { forms } from "../../../routes/syntax.ts";
import type { RuleInit, Say } from "../context.ts";

/** What tunes the calls of a rule: a rule is served without what cannot be had of it. */
type RulePolicies = Pick<RuleInit, "timeouts" | "retry" | "session">;

type Tuned = Partial<Pick<HttpRouteRule, "timeouts" | "retry">> & {
  readonly sessionPersistence: SessionPersistence | undefined;
};

/** Gateway API leaves it to implementations. */
const ATTEMPTS = 2;
const MOST_ATTEMPTS = 100;
const SESSION_NAME = "edgeway-session";

export function rulePolicies({ timeouts, retry, sessionPersistence }: Tuned, field: string, say: Say): RulePolicies {
  return {
    ...(timeouts && {
      timeouts: { requestMs: timeouts.request ?? 0, backendRequestMs: timeouts.backendRequest ?? 0 },
    }),
    ...(retry && { retry: retryOf(retry, field, say) }),
    ...(sessionPersistence && { session: sessionOf(sessionPersistence, `${field}.sessionPersistence`, say) }),
  };
}

/** GEP-1731: connections that break are a reason to try again wherever a rule has retries. */
function retryOf(
  { codes, attempts = ATTEMPTS, backoff = 0 }: NonNullable<HttpRouteRule["retry"]>,
  field: string,
  say: Say,
): RulePolicies["retry"] {
  if (attempts > MOST_ATTEMPTS) say("warning", `${field}.retry.attempts`, `is more than ${MOST_ATTEMPTS}, which holds`);
  return {
    attempts: Math.min(attempts, MOST_ATTEMPTS),
    httpStatuses: [...new Set(codes)],
    onReset: true,
    backoffMs: backoff,
  };
}

function sessionOf(
  { sessionName = SESSION_NAME, absoluteTimeout = 0, idleTimeout, type, cookieConfig }: SessionPersistence,
  field: string,
  say: Say,
): RulePolicies["session"] {
  if (idleTimeout !== undefined) say("warning", `${field}.idleTimeout`, "is not carried: sessions do not end by it");
  const isCookie = type === "Cookie";
  const name = isCookie ? sessionName : sessionName.toLowerCase();
  const form = isCookie ? forms.cookieName : forms.headerName;
  if (!form.holds(name)) {
    say("error", `${field}.sessionName`, `must be ${form.says}, not "${sessionName}": calls are made without sessions`);
    return undefined;
  }
  return {
    carrier: isCookie ? { case: "cookie", value: name } : { case: "header", value: name },
    absoluteTimeoutSeconds: Math.ceil(absoluteTimeout / 1000),
    permanent: isCookie && cookieConfig?.lifetimeType === "Permanent",
  };
}
