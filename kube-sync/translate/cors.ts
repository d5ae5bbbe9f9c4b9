/** CORS: by annotation on whatever makes routes, and HTTPRoute's own filter. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CorsSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { forms } from "../../routes/syntax.ts";
import type { CorsFilter } from "../objects/route-parts.ts";
import type { Annotations } from "./annotations.ts";
import { annotationField, flag, textOf } from "./annotations.ts";
import type { Say } from "./context.ts";

type CorsInit = MessageInitShape<typeof CorsSchema>;

/** As long as browsers take at most, but for Firefox, which takes a day. */
const MAX_AGE_SECONDS = 7200;

/** The CORS that an object asks for by annotation. */
export function annotatedCors(annotations: Annotations, say: Say): CorsInit | undefined {
  const credentials = annotations.get("cors-credentials", flag) ?? false;
  const listed = annotations.get("cors-origins", anyText);
  if (listed === undefined) {
    if (credentials) annotations.wrong("cors-credentials", "means nothing without edgeway.dev/cors-origins");
    return undefined;
  }
  const allowOrigins = listed.split(",").flatMap((item) => {
    const origin = toOrigin(item.trim());
    if (forms.origin.holds(origin)) return [origin];
    annotations.wrong("cors-origins", `"${item.trim()}" is left out: it must be ${forms.origin.says}`);
    return [];
  });
  if (allowOrigins.includes("*") && credentials) {
    const reason = "every page there is may call with its visitor's cookies: name the origins that may";
    say("warning", annotationField("edgeway.dev/cors-credentials"), reason);
  }
  return { allowOrigins, allowCredentials: credentials, maxAgeSeconds: MAX_AGE_SECONDS };
}

const anyText = textOf("a list of origins", () => true);

/** The filter of an HTTPRoute, or what is wrong with it. */
export function toCors(filter: CorsFilter): CorsInit | string {
  const allowOrigins = filter.allowOrigins.map(toOrigin);
  const odd = allowOrigins.find((origin) => !forms.origin.holds(origin));
  if (odd !== undefined) return `"${odd}" in allowOrigins must be ${forms.origin.says}`;
  return {
    allowOrigins,
    allowCredentials: filter.allowCredentials,
    allowMethods: [...filter.allowMethods],
    allowHeaders: filter.allowHeaders.map((name) => name.toLowerCase()),
    exposeHeaders: filter.exposeHeaders.map((name) => name.toLowerCase()),
    maxAgeSeconds: filter.maxAge,
  };
}

/** As browsers write it: lower case, and no port that goes without saying. */
function toOrigin(text: string): string {
  return text.toLowerCase().replace(/^(https:.*):443$|^(http:.*):80$/, "$1$2");
}
