/** Fields of HTTP/1.1 messages, as node:http has them. */
import { Fields } from "../call/fields.ts";

/** Fields that belong to one HTTP/1.1 connection (RFC 9110 section 7.6.1), besides those that `connection` names. */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** Raw headers or trailers as fields, without those of the connection and those called `without`. */
export function fieldsFromRaw(raw: readonly string[], without?: string): Fields {
  const nominated = nominatedBy(raw);
  const flat: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    if (name === without || hopByHop.has(name) || nominated?.has(name) === true) continue;
    flat.push(name, raw[i + 1]!);
  }
  return new Fields(flat);
}

/** The names that `connection` makes hop-by-hop too. */
function nominatedBy(raw: readonly string[]): ReadonlySet<string> | undefined {
  let names: Set<string> | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]!.toLowerCase() !== "connection") continue;
    names ??= new Set();
    for (const option of raw[i + 1]!.split(",")) names.add(option.trim().toLowerCase());
  }
  return names;
}

/** HTTP/2 may split the cookie field, HTTP/1.1 takes but one (RFC 9113 section 8.2.3). */
export function joinCookies(fields: Fields): Fields {
  const cookies = [...fields].filter(([name]) => name === "cookie").map(([, value]) => value);
  if (cookies.length < 2) return fields;
  const others = [...fields].filter(([name]) => name !== "cookie");
  return Fields.from([...others, ["cookie", cookies.join("; ")]]);
}
