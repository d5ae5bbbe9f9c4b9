/** From the message of a JWT filter to its checked form. */
import type { Jwt as JwtMessage } from "../../proto/gen/edgeway/v1/policy_pb.js";
import type { Place } from "../issues.ts";
import type { Jwt } from "../policies.ts";
import { forms } from "../syntax.ts";
import { limits, list } from "./list.ts";

const authorization: readonly string[] = Object.freeze(["authorization"]);

export function decodeJwt(message: JwtMessage, place: Place): Jwt {
  const { issuer, optional, forward } = message;
  if (issuer !== "") place.at("issuer").check(issuer, forms.claim);
  const headers = list(message.headers, limits.jwtHeaders, place, "headers", (name, at) =>
    at.check(name, forms.headerName),
  );
  return Object.freeze({
    kind: "jwt",
    issuer: issuer === "" ? undefined : issuer,
    audiences: claimValues(message.audiences, place, "audiences"),
    keys: decodeKeys(message.keys, place),
    claims: list(message.claims, limits.claims, place, "claims", ({ name, values }, at) => {
      if (values.length === 0) at.at("values").wrong("must not be empty");
      return Object.freeze({
        name: at.at("name").check(name, forms.claim),
        values: claimValues(values, at, "values"),
      });
    }),
    optional,
    forward,
    headers: headers.length === 0 ? authorization : headers,
  });
}

function claimValues(values: readonly string[], place: Place, name: string): readonly string[] {
  return list(values, limits.claims, place, name, (value, at) => at.check(value, forms.claim));
}

/** Keys themselves are read by whoever verifies; here it is seen to that they can be. */
function decodeKeys(keys: JwtMessage["keys"], place: Place): Jwt["keys"] {
  switch (keys.case) {
    case "jwksUri":
      return Object.freeze({ uri: place.at("jwksUri").check(keys.value, forms.httpsUrl) });
    case "jwks":
      if (!isKeySet(keys.value)) place.at("jwks").wrong("must be a JSON Web Key Set of at most 65536 characters");
      return Object.freeze({ jwks: keys.value });
    default:
      place.wrong("must have the issuer's keys, or say where they are");
      return Object.freeze({ jwks: "" });
  }
}

/** RFC 7517 section 5. */
function isKeySet(text: string): boolean {
  if (text.length > 65_536) return false;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "keys" in value && Array.isArray(value.keys);
  } catch {
    return false;
  }
}
