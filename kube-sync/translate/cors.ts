/** CORS: by annotation on whatever makes routes, and HTTPRoute's own filter. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type ClusterTable, type CorsSchema, FilterSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { forms } from "../../routes/syntax.ts";
import type { KubeObject } from "../objects/object.ts";
import type { CorsFilter } from "../objects/route-parts.ts";
import type { Context } from "./context.ts";
import { sayAbout } from "./context.ts";

type CorsInit = MessageInitShape<typeof CorsSchema>;

/** Which pages' origins may call: "https://a.example.com, https://*.b.example.com", or "*". */
const ORIGINS_ANNOTATION = "edgeway.dev/cors-origins";
/** Whether they may with cookies and other credentials: "true". */
const CREDENTIALS_ANNOTATION = "edgeway.dev/cors-credentials";

/** As long as browsers take at most, but for Firefox, which takes a day. */
const MAX_AGE_SECONDS = 7200;

/** Adds to `table` the CORS that its routes' objects ask for by annotation. A rule's own filter holds instead. */
export function addAnnotatedCors(context: Context, table: ClusterTable): void {
  const asked = new Map<KubeObject, CorsInit | undefined>();
  for (const { source, rules } of table.routes) {
    const object = source && context.objects.find(source.kind, source.namespace, source.name);
    if (object === undefined) continue;
    if (!asked.has(object)) asked.set(object, annotatedCors(context, object));
    const value = asked.get(object);
    if (value === undefined) continue;
    for (const { filters } of rules) {
      if (!filters.some(({ filter }) => filter.case === "cors"))
        filters.push(create(FilterSchema, { filter: { case: "cors", value } }));
    }
  }
}

function annotatedCors(context: Context, object: KubeObject): CorsInit | undefined {
  const { annotations } = object.metadata;
  const say = sayAbout(context, object);
  const wrong = (annotation: string, reason: string) => say("error", fieldOf(annotation), reason);
  const credentials = annotations[CREDENTIALS_ANNOTATION] ?? "false";
  if (credentials !== "true" && credentials !== "false") {
    wrong(CREDENTIALS_ANNOTATION, `must be "true" or "false", not "${credentials}": no credentials are allowed`);
  }
  const listed = annotations[ORIGINS_ANNOTATION];
  if (listed === undefined) {
    if (credentials === "true") wrong(CREDENTIALS_ANNOTATION, `means nothing without ${ORIGINS_ANNOTATION}`);
    return undefined;
  }
  const allowOrigins = listed.split(",").flatMap((text) => {
    const origin = toOrigin(text.trim());
    if (forms.origin.holds(origin)) return [origin];
    wrong(ORIGINS_ANNOTATION, `"${text.trim()}" is left out: it must be ${forms.origin.says}`);
    return [];
  });
  if (allowOrigins.includes("*") && credentials === "true") {
    const reason = "every page there is may call with its visitor's cookies: name the origins that may";
    say("warning", fieldOf(CREDENTIALS_ANNOTATION), reason);
  }
  return { allowOrigins, allowCredentials: credentials === "true", maxAgeSeconds: MAX_AGE_SECONDS };
}

const fieldOf = (annotation: string): string => `metadata.annotations["${annotation}"]`;

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
