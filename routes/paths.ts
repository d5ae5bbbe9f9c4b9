/** What a match may ask of the path, checked, each in the one form that equal matches share. */
import type { Place } from "./issues.ts";
import type { PathMatch } from "./model.ts";
import { normalPath } from "./normal-path.ts";
import { forms } from "./syntax.ts";

/** Segments of a prefix: the depth of the index's tree, which is built and searched by recursion. */
const maxSegments = 128;

export const everyPath: PathMatch = Object.freeze({ kind: "prefix", path: "/" });

export function exactPath(text: string, place: Place): PathMatch {
  return Object.freeze({ kind: "exact", path: normalPath(place.check(text, forms.path)) });
}

/** Slashes at the end of a prefix mean nothing. */
export function pathPrefix(written: string, place: Place): PathMatch {
  const text = normalPath(place.check(written, forms.path));
  if (text.split("/").length - 1 > maxSegments) place.wrong(`must have at most ${maxSegments} segments`);
  let end = text.length;
  while (end > 0 && text[end - 1] === "/") end--;
  return end === 0 ? everyPath : Object.freeze({ kind: "prefix", path: text.slice(0, end) });
}

/** Either may be empty, for every service or method. Both make a whole path, the same as an Exact match of it. */
export function grpcMethod(service: string, method: string, place: Place): PathMatch {
  if (service === "" && method === "") place.wrong("must have a service or a method");
  if (service !== "") place.at("service").check(service, forms.segment);
  if (method !== "") place.at("method").check(method, forms.segment);
  if (method === "") return Object.freeze({ kind: "service", service });
  if (service === "") return Object.freeze({ kind: "method", method });
  return Object.freeze({ kind: "exact", path: normalPath(`/${service}/${method}`) });
}
