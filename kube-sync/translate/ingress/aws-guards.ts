import { forms } from "../../../routes/syntax.ts";
import { either, list, listOrEmpty, oneOf, part, string } from "../../objects/read.ts";
import { annotationField } from "../annotations.ts";
import type { FilterInit } from "../context.ts";
import { sayAbout } from "../context.ts";
import { wrongRegex } from "../match.ts";
import { soleService } from "./aws-actions.ts";
import type { BackendName, Reading } from "./dialect.ts";
import { annotationOf, sayOf } from "./dialect.ts";
import { readJson } from "./json.ts";

/** auth-type, jwt-validation and transforms.NAME. */

const validation = part({
  jwksendpoint: string,
  issuer: string,
  additionalclaims: listOrEmpty(
    part({
      name: string,
      format: either(oneOf("single-string", "string-array", "space-separated-values"), "single-string"),
      values: list(string),
    }),
  ),
});

/** Why nobody may call, if callers were to log in: so says the Service that they are for, or else the Ingress. */
function loginOf(reading: Reading, backend: BackendName): string | undefined {
  const { prefix } = reading.dialect;
  const service = soleService(reading, backend);
  const own = service?.metadata.annotations[`${prefix}auth-type`];
  const type = own ?? annotationOf(reading, "auth-type") ?? "none";
  if (type.trim().toLowerCase() === "none") return undefined;
  const reason = `${prefix}auth-type is not supported`;
  const say = service === undefined || own === undefined ? reading.say : sayAbout(reading.context, service);
  say("error", annotationField(`${prefix}auth-type`), `${reason}: its paths answer with an error`);
  return reason;
}

/** A string: why tokens cannot be checked, and then nobody may call. */
export function awsGuards(reading: Reading, backend: BackendName): FilterInit[] | string {
  const login = loginOf(reading, backend);
  if (login !== undefined) return login;
  const text = annotationOf(reading, "jwt-validation");
  if (text === undefined) return [];
  const fail = (reason: string) => {
    sayOf(reading, "jwt-validation", "error", `${reason}: all its paths answer with an error`);
    return `jwt-validation: ${reason}`;
  };
  const read = readJson(text, validation);
  if (typeof read === "string") return fail(read);
  const { jwksendpoint, issuer, additionalclaims } = read.value;
  if (!forms.httpsUrl.holds(jwksendpoint)) return fail(`jwksEndpoint must be ${forms.httpsUrl.says}`);
  const claims = additionalclaims.map(({ name, values }) => ({ name, values: [...values] }));
  // A load balancer leaves the token in the request.
  const value = { keys: { case: "jwksUri" as const, value: jwksendpoint }, issuer, claims, forward: true };
  return [{ filter: { case: "jwt", value } }];
}

const transform = part({
  type: string,
  urlrewriteconfig: either(part({ rewrites: list(part({ regex: string, replace: either(string, "") })) }), {
    rewrites: [],
  }),
});

/** The path's rewriting before a backend's calls; a string: why it cannot be had. */
export function awsTransforms(reading: Reading, name: string): FilterInit[] | string {
  const annotation = `transforms.${name}`;
  const text = annotationOf(reading, annotation);
  if (text === undefined) return [];
  const fail = (reason: string) => {
    sayOf(reading, annotation, "error", `${reason}: its paths answer with an error`);
    return `${annotation}: ${reason}`;
  };
  const read = readJson(text, list(transform));
  if (typeof read === "string") return fail(read);
  const [first, ...others] = read.value;
  if (first === undefined || others.length > 0 || first.type !== "url-rewrite")
    return fail("only one transform, a url-rewrite, is supported");
  const [rewrite, ...more] = first.urlrewriteconfig.rewrites;
  if (rewrite === undefined || more.length > 0) return fail("a url-rewrite must have one rewrite");
  const { regex: pattern, replace } = rewrite;
  // A load balancer replaces the first match in path and query, the edge every one in the path alone.
  if (!pattern.startsWith("^") || /\\?\?.*[=&]/.test(pattern))
    return fail('the regex must begin with "^" and be about the path alone');
  const wrong = wrongRegex([pattern]);
  if (wrong !== undefined) return fail(wrong);
  const substitution = replace.replaceAll("\\", "\\\\").replaceAll(/\$(\d)/g, "\\$1");
  if (!forms.substitution.holds(substitution)) return fail(`replace must be ${forms.substitution.says}`);
  return [
    {
      filter: {
        case: "urlRewrite",
        value: { path: { modifier: { case: "regex", value: { pattern, substitution } } } },
      },
    },
  ];
}
