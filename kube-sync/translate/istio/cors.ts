import { forms } from "../../../routes/syntax.ts";
import type { IstioHttpRoute, IstioStringMatch } from "../../objects/istio.ts";
import type { FilterInit, Say } from "../context.ts";
import { toCors } from "../cors.ts";

const UNITS: ReadonlyMap<string, number> = new Map([
  ["h", 3600],
  ["m", 60],
  ["s", 1],
]);

/** A CorsPolicy. Origins that the edge cannot tell are left out, which keeps their pages out. */
export function corsFilter(policy: IstioHttpRoute["corsPolicy"], field: string, say: Say): FilterInit[] {
  if (policy === undefined) return [];
  const { allowOrigins, allowOrigin, allowMethods, allowHeaders, exposeHeaders, maxAge, allowCredentials } = policy;
  const given = [...allowOrigins.map(originOf), ...allowOrigin];
  const origins = given.flatMap((origin, i) => {
    const value = origin === undefined ? undefined : toCors({ ...NOTHING, allowOrigins: [origin] });
    if (typeof value === "object" && origin !== undefined) return [origin];
    say("error", `${field}.allowOrigins[${i}]`, `is left out: it must be ${forms.origin.says}`);
    return [];
  });
  if (origins.length === 0) return [];
  const seconds = maxAge === undefined ? 0 : secondsOf(maxAge);
  if (seconds === undefined) say("error", `${field}.maxAge`, `must be a duration such as "24h", not "${maxAge}": 0s`);
  const shared = { allowMethods, allowHeaders, exposeHeaders, maxAge: seconds ?? 0 };
  const value = toCors({ ...shared, allowOrigins: origins, allowCredentials });
  if (typeof value === "string") return [];
  const { maxAgeSeconds, ...rest } = value;
  return [{ filter: { case: "cors", value: maxAge === undefined ? rest : { ...rest, maxAgeSeconds } } }];
}

const NOTHING = {
  allowOrigins: [],
  allowCredentials: false,
  allowMethods: [],
  allowHeaders: [],
  exposeHeaders: [],
  maxAge: 0,
};

/** Of expressions only those that stand for every origin; of prefixes only schemes. */
function originOf({ exact, prefix, regex }: IstioStringMatch): string | undefined {
  if (exact !== undefined) return exact;
  if (regex === ".*") return "*";
  return prefix === "https://" || prefix === "http://" ? `${prefix}*` : undefined;
}

/** "1h30m" in seconds. */
function secondsOf(duration: string): number | undefined {
  const parts = [...duration.matchAll(/(\d{1,6})(h|m|s)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== duration) return undefined;
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS.get(unit ?? "") ?? 0), 0);
}
