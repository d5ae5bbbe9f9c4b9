import { forms } from "../../../routes/syntax.ts";
import type { FilterInit } from "../context.ts";
import { toCors } from "../cors.ts";
import type { Reading } from "./dialect.ts";
import { annotationOf, sayOf } from "./dialect.ts";

/** enable-cors and its companions, which default to every origin, with credentials, for twenty days. */
export const CORS_ANNOTATIONS = [
  "enable-cors",
  "cors-allow-origin",
  "cors-allow-methods",
  "cors-allow-headers",
  "cors-expose-headers",
  "cors-allow-credentials",
  "cors-max-age",
] as const;

const MAX_AGE_SECONDS = 1_728_000;

/** None when it is off, or when no origin is left. */
export function corsFilter(reading: Reading): FilterInit[] {
  if (annotationOf(reading, "enable-cors") !== "true") return [];
  const list = (name: (typeof CORS_ANNOTATIONS)[number]) =>
    (annotationOf(reading, name) ?? "").split(",").flatMap((text) => text.trim() || []);
  const listed = list("cors-allow-origin");
  const origins = (listed.length === 0 ? ["*"] : listed).filter((origin) => {
    const value = toCors({ ...NOTHING, allowOrigins: [origin] });
    if (typeof value !== "string") return true;
    sayOf(reading, "cors-allow-origin", "error", `"${origin}" is left out: it must be ${forms.origin.says}`);
    return false;
  });
  if (origins.length === 0) return [];
  if (origins.some((origin) => origin.includes("://*."))) {
    sayOf(reading, "cors-allow-origin", "warning", "a wildcard also takes origins with more than one label before it");
  }
  const age = annotationOf(reading, "cors-max-age") ?? `${MAX_AGE_SECONDS}`;
  const isAge = /^\d{1,9}$/.test(age);
  if (!isAge) sayOf(reading, "cors-max-age", "error", `must be seconds, not "${age}": ${MAX_AGE_SECONDS}`);
  const value = toCors({
    allowOrigins: origins,
    // Browsers take no credentials for "*", which is what NGINX answers then.
    allowCredentials: !origins.includes("*") && annotationOf(reading, "cors-allow-credentials") !== "false",
    allowMethods: list("cors-allow-methods"),
    // Without a list of its own, NGINX has one that gRPC-Web and Connect cannot work with: the edge's own is taken.
    allowHeaders: list("cors-allow-headers"),
    exposeHeaders: list("cors-expose-headers"),
    maxAge: isAge ? Number(age) : MAX_AGE_SECONDS,
  });
  return typeof value === "string" ? [] : [{ filter: { case: "cors", value } }];
}

const NOTHING = {
  allowOrigins: [],
  allowCredentials: false,
  allowMethods: [],
  allowHeaders: [],
  exposeHeaders: [],
  maxAge: 0,
};
