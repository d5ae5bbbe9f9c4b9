import type { OriginHint } from "../origin.ts";
import type { Dialect } from "./dialect.ts";
import { annotationField, leaveOutCanary } from "./dialect.ts";
import { plain } from "./plain.ts";

const PREFIX = "nginx.ingress.kubernetes.io/";
const PROTOCOL = `${PREFIX}backend-protocol`;

const PROTOCOLS: ReadonlyMap<string, OriginHint> = new Map(
  Object.entries<OriginHint>({
    HTTP: { protocol: "http1", tls: false },
    HTTPS: { protocol: "http1", tls: true },
    GRPC: { protocol: "grpc", tls: false },
    GRPCS: { protocol: "grpc", tls: true },
  }),
);

/** ingress-nginx, docs/user-guide/nginx-configuration/annotations.md. */
export const nginx: Dialect = {
  ...plain,
  name: "ingress-nginx",
  prefix: PREFIX,
  read: ["backend-protocol"],
  refused: [
    "use-regex",
    "rewrite-target",
    "auth-type",
    "auth-url",
    "auth-tls-secret",
    "whitelist-source-range",
    "denylist-source-range",
    "configuration-snippet",
    "server-snippet",
  ],
  leftOut: leaveOutCanary(PREFIX),
  hint: ({ metadata }, _service, say) => {
    const protocol = metadata.annotations[PROTOCOL];
    if (protocol === undefined) return {};
    const found = PROTOCOLS.get(protocol.toUpperCase());
    if (found === undefined) {
      say("error", annotationField(PROTOCOL), `must be HTTP, HTTPS, GRPC or GRPCS, not "${protocol}": ignored`);
    }
    return found ?? {};
  },
};
