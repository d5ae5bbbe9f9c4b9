import { forms } from "../../../routes/syntax.ts";
import type { FilterInit } from "../context.ts";
import { toCors } from "../cors.ts";
import type { Reading } from "./dialect.ts";
import { annotationOf, sayOf } from "./dialect.ts";

/** enable-cors and its companions, of NGINX and Alibaba, which default to every origin, with credentials. */
export const CORS_ANNOTATIONS = [
  "enable-cors",
  "cors-allow-origin",
  "cors-allow-methods",
  "cors-allow-headers",
  "cors-expose-headers",
  "cors-allow-credentials",
  "cors-max-age",
] as const;

/** None when it is off, or when no origin is left. `maxAge`: where there is no other, in seconds. */
export function corsFilter(reading: Reading, maxAge: number): FilterInit[] {
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
  const age = annotationOf(reading, "cors-max-age") ?? `${maxAge}`;
  const isAge = /^(-1|\d{1,9})$/.test(age);
  if (!isAge) sayOf(reading, "cors-max-age", "error", `must be seconds, not "${age}": ${maxAge}`);
  const value = toCors({
    allowOrigins: origins,
    // Browsers take no credentials for "*", which is what is answered then.
    allowCredentials: !origins.includes("*") && annotationOf(reading, "cors-allow-credentials") !== "false",
    allowMethods: list("cors-allow-methods"),
    // Without a list of its own, a controller has one that gRPC-Web and Connect cannot work with: the edge's own is taken.
    allowHeaders: list("cors-allow-headers"),
    exposeHeaders: list("cors-expose-headers"),
    maxAge: isAge ? Math.max(0, Number(age)) : maxAge,
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
