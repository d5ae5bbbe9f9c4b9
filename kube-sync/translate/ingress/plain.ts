import type { Dialect } from "./dialect.ts";
import { standardPath } from "./dialect.ts";

/** networking.k8s.io/v1 alone. ImplementationSpecific is read as Prefix, as most controllers do. */
export const plain: Dialect = {
  name: "plain",
  prefix: "",
  read: [],
  refused: new Map(),
  missed: [],
  wildcardIsOneLabel: true,
  schemes: () => [],
  path: (path) => ({ matches: [standardPath(path)] }),
  refer: () => ({}),
};
