/** The forms that text in a route table must have, each as a sentence to complete "must be …". */

export interface Form {
  readonly says: string;
  holds(text: string): boolean;
}

function form(says: string, maxLength: number, pattern: RegExp): Form {
  return { says, holds: (text) => text.length <= maxLength && pattern.test(text) };
}

// Every pattern reads its text once: no part of it can match what the part before it also could.
const label = "[a-z0-9](?:[-a-z0-9]{0,62}(?<=[a-z0-9]))?";
const dnsName = `${label}(?:\\.${label})*`;

export const forms = {
  /** RFC 1123, as Kubernetes writes names of clusters, namespaces and objects. */
  name: form("a lower-case DNS name", 253, new RegExp(`^${dnsName}$`)),
  kind: form("the name of a Kubernetes kind", 63, /^[A-Za-z][A-Za-z0-9]*$/),
  key: form("1 to 512 visible ASCII characters", 512, /^[!-~]+$/),
  /** Gateway API's Hostname. */
  hostname: form('a lower-case host name, with or without "*." before it', 253, new RegExp(`^(?:\\*\\.)?${dnsName}$`)),
  /** RFC 3986 section 3.3: an ASCII path as it is sent, without query or fragment. */
  path: form(
    'a path of at most 1024 visible ASCII characters from "/" on, without "?" and "#"',
    1024,
    /^\/[!"$->@-~]*$/,
  ),
  /** A path with or without a query. */
  target: form(
    'a path of at most 1024 visible ASCII characters from "/" on, with or without a query, without "#"',
    1024,
    /^\/[!"$-~]*$/,
  ),
  query: form('a query of at most 1024 visible ASCII characters, without "#"', 1024, /^[!"$-~]*$/),
  /** A path with the numbers of groups behind backslashes in it, and a query or not. */
  substitution: form(
    'at most 1024 visible ASCII characters without "#", and a digit or a backslash behind each backslash',
    1024,
    /^(?:\\[0-9\\]|[!"$-[\]-~])*$/,
  ),
  segment: form("1 to 1024 visible ASCII characters without a slash", 1024, /^[!"$-.0->@-~]+$/),
  /** RFC 6454 section 6.2, as browsers write it, and with "*" for a host name or for what is left of one. */
  origin: form(
    'an origin such as "https://a.example.com", "https://*.example.com:8443", "https://*" or "*"',
    280,
    new RegExp(`^(?:\\*|https?://(?:\\*|(?:\\*\\.)?${dnsName}|\\[[0-9a-f:.]{2,45}\\])(?::[1-9][0-9]{0,4})?)$`),
  ),
  httpMethod: form("an HTTP method in upper case", 32, /^[-!#$%&'*+.^_`|~0-9A-Z]+$/),
  /** RFC 9110 section 5.1, in the lower case of RFC 9113 section 8.2. */
  headerName: form("a header name in lower case", 256, /^[-!#$%&'*+.^_`|~0-9a-z]+$/),
  /** RFC 9110 section 5.5; ASCII, since text in other encodings means different bytes to different peers. */
  headerValue: form(
    "a header value of at most 4096 visible ASCII characters, spaces and tabs only inside",
    4096,
    /^(?:[!-~](?:[\t -~]*[!-~])?)?$/,
  ),
  /** RFC 6265 section 4.1.1. */
  cookieName: form("a cookie's name", 256, /^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/),
  paramName: form("1 to 256 characters", 256, /^[^]+$/),
  paramValue: form("at most 1024 characters", 1024, /^[^]*$/),
  /** RFC 7468. */
  certificates: form("certificates in PEM, 262144 characters at most", 262_144, /-----BEGIN CERTIFICATE-----/),
  privateKey: form("a private key in PEM, 65536 characters at most", 65_536, /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/),
  claim: form("1 to 1024 characters", 1024, /^[^]+$/),
  httpsUrl: form("an HTTPS URL of at most 2048 visible ASCII characters", 2048, /^https:\/\/[!"$-.0-;=?A-~][!-~]*$/),
  ruleName: form("1 to 253 printable characters", 253, /^[^\p{Cc}]+$/u),
  hash: form("a SHA-256 hash in lower-case hexadecimal", 64, /^[0-9a-f]{64}$/),
  body: form("at most 16384 characters", 16_384, /^[^]*$/),
  reason: form("1 to 1024 printable characters", 1024, /^[^\p{Cc}]+$/u),
} satisfies Record<string, Form>;

/**
 * Headers that belong to one connection or to the message's framing, which the edge writes itself (RFC 9113 section
 * 8.2.2, RFC 9110 section 8.6): a filter that set them could break the next hop's reading of where a message ends.
 */
export const framingHeaders: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** https://developers.cloudflare.com/durable-objects/reference/data-location/#supported-locations */
export const locationHints: readonly string[] = [
  "wnam",
  "enam",
  "sam",
  "weur",
  "eeur",
  "apac",
  "apac-ne",
  "apac-se",
  "oc",
  "afr",
  "me",
];

/** Whether `host` is a host name or an IP address, IPv6 without brackets. */
export function isEndpointHost(host: string): boolean {
  if (forms.name.holds(host)) return true;
  return host.length <= 45 && /^[0-9a-fA-F:.]+$/.test(host) && URL.canParse(`http://[${host}]/`);
}

/** Whether `authority` is a host name or an IP address (IPv6 in brackets), with or without a port. */
export function isAuthority(authority: string): boolean {
  const [, host = "", address, port = "1"] = /^(?:([^[\]:]+)|\[([^[\]]+)\])(?::([0-9]{1,5}))?$/.exec(authority) ?? [];
  if (address !== undefined && !address.includes(":")) return false;
  return isEndpointHost(address ?? host) && Number(port) >= 1 && Number(port) <= 65_535;
}
