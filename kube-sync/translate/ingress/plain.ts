import { alibaba } from "./alibaba.ts";
import { aws } from "./aws.ts";
import type { Dialect } from "./dialect.ts";
import { standardPath } from "./dialect.ts";
import { nginx } from "./nginx.ts";

/**
 * Annotations that decide where calls go or who may make them, of every controller, as it is not known whose Ingress it
 * was; and those that only that controller's own dialect honours.
 */
const refused = new Map<string, readonly string[]>([
  ...[alibaba, aws, nginx].flatMap(({ prefix, refused: own }) =>
    [...own].map(([name, harmless]) => [prefix + name, harmless] as const),
  ),
  [`${nginx.prefix}auth-tls-secret`, []],
  [`${aws.prefix}jwt-validation`, []],
]);

/** networking.k8s.io/v1 alone. ImplementationSpecific is read as Prefix, as most controllers do. */
export const plain: Dialect = {
  name: "plain",
  prefix: "",
  read: [],
  refused,
  missed: [],
  wildcardIsOneLabel: true,
  schemes: () => [],
  path: (path) => ({ matches: [standardPath(path)] }),
  refer: () => ({}),
};
