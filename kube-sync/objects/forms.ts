import { forms } from "../../routes/syntax.ts";
import { milliseconds } from "./durations.ts";
import type { Reader } from "./read.ts";
import { checked, formed, string } from "./read.ts";

/** Gateway API `Hostname`, which Ingress hosts are too. */
export const hostname = formed(forms.hostname);

/** In any case. */
export const headerName = checked(string, (name) =>
  forms.headerName.holds(name.toLowerCase()) ? undefined : { reason: `must be a header name, not "${name}"` },
);

export const headerValue = formed(forms.headerValue);

/** Gateway API `Duration` (GEP-2257), in milliseconds. */
export const duration: Reader<number> = (value, field, problems) => {
  const text = string(value, field, problems);
  const ms = /^(?:\d{1,5}(?:h|m|s|ms)){1,4}$/.test(text) ? milliseconds(text) : undefined;
  if (typeof value === "string" && ms === undefined)
    problems.push({ level: "error", field, reason: `must be a duration such as "10s" or "1m30s", not "${text}"` });
  return ms ?? 0;
};
