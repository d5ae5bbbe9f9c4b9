/**
 * The one spelling of a path that its other spellings share (RFC 3986 section 6.2.2): what requests are matched by, and
 * sent on as, so that no gate is passed by writing the same path in another way.
 */

const spelledOtherwise = /[%\\#]|\/\./;
const escape = /%([0-9a-f]{2})/gi;
const unreserved = /[-.~\w]/;

/**
 * `target`, a path with or without a query, with the path in its normal form: escapes of unreserved characters undone,
 * the others in upper case, backslashes as the slashes that URLs take them for, no dot segments, and no fragment. The
 * query stays, and so do empty segments, %2F, and a percent sign that begins no escape. The same string if it is normal.
 */
export function normalPath(target: string): string {
  if (!spelledOtherwise.test(target) || !target.startsWith("/")) return target;
  const [path] = /^[^?#]*/.exec(target)!;
  const rest = target.charAt(path.length) === "?" ? target.slice(path.length) : "";
  if (path.length + rest.length === target.length && !spelledOtherwise.test(path)) return target;
  const spelled = path.replace(escape, respell).replaceAll("\\", "/");
  return (spelled.includes("/.") ? withoutDotSegments(spelled) : spelled) + rest;
}

function respell(escaped: string, digits: string): string {
  const char = String.fromCharCode(Number.parseInt(digits, 16));
  return unreserved.test(char) ? char : escaped.toUpperCase();
}

/** RFC 3986 section 5.2.4: what leads above the root stays there. */
function withoutDotSegments(path: string): string {
  const segments = path.slice(1).split("/");
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  const last = segments.at(-1);
  if (last === "." || last === "..") kept.push("");
  return `/${kept.join("/")}`;
}
