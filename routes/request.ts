/** What matching reads out of a request's parts. Nothing in here throws, and all of it is linear in its input. */

/**
 * The host name of an authority, as hostnames in the table are written: lower case, without port and without the dot
 * that ends a fully qualified name. An IPv6 address keeps its brackets. Internationalised names are expected in their
 * ASCII form, as clients send them: only ASCII letters are lowered, since Unicode maps some others onto ASCII ones (the
 * Kelvin sign onto "k") and so would let a name pass for another.
 */
export function hostOf(authority: string): string {
  const afterBracket = authority.charCodeAt(0) === openBracket ? authority.indexOf("]") : 0;
  let end = authority.length;
  let lower = true;
  for (let i = 0; i < end; i++) {
    const code = authority.charCodeAt(i);
    if (code > 0x7f) return authority;
    if (code >= upperA && code <= upperZ) lower = false;
    else if (code === colon && i >= afterBracket) end = i;
  }
  if (authority.charCodeAt(end - 1) === dot) end--;
  const host = end === authority.length ? authority : authority.slice(0, end);
  return lower ? host : host.toLowerCase();
}

const openBracket = 0x5b;
const colon = 0x3a;
const dot = 0x2e;
const upperA = 0x41;
const upperZ = 0x5a;

/**
 * Whether a path is one of gRPC's, "/service/method": exactly two segments, neither empty. GRPCRoutes look at the
 * shape of the path alone and not for POST or a content type, because they also route Connect calls, and those may be
 * GET requests.
 */
export function isGrpcPath(path: string): boolean {
  const slash = path.indexOf("/", 1);
  return path.startsWith("/") && slash > 1 && slash < path.length - 1 && path.indexOf("/", slash + 1) === -1;
}

/** The method of a path that {@link isGrpcPath}. */
export function grpcMethodOf(path: string): string {
  return path.slice(path.indexOf("/", 1) + 1);
}

/** The parameters of a query by name, percent-decoded. The first of several values counts. */
export function parseQuery(query: string): ReadonlyMap<string, string> {
  const params = new Map<string, string>();
  for (let start = 0; start < query.length;) {
    const next = query.indexOf("&", start);
    const end = next === -1 ? query.length : next;
    const param = query.slice(start, end);
    const equals = param.indexOf("=");
    const name = percentDecode(equals === -1 ? param : param.slice(0, equals));
    if (param !== "" && !params.has(name))
      params.set(name, equals === -1 ? "" : percentDecode(param.slice(equals + 1)));
    start = end + 1;
  }
  return params;
}

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** RFC 3986 section 2.1. What is no escape stands for itself, and bytes that are no UTF-8 become U+FFFD. */
function percentDecode(text: string): string {
  if (!text.includes("%")) return text;
  const bytes = utf8Encoder.encode(text);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const escaped = bytes[i] === percent ? hexValue(bytes[i + 1]) * 16 + hexValue(bytes[i + 2]) : Number.NaN;
    if (Number.isNaN(escaped)) {
      bytes[length++] = bytes[i]!;
    } else {
      bytes[length++] = escaped;
      i += 2;
    }
  }
  return utf8Decoder.decode(bytes.subarray(0, length));
}

const percent = 0x25;

/** NaN if `code` is no hexadecimal digit. */
function hexValue(code: number | undefined): number {
  if (code === undefined) return Number.NaN;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : Number.NaN;
}
