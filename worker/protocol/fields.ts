/** Which header fields are a call's metadata, and which belong to a protocol or to one connection. */
import { CallError } from "../call/error.ts";
import { isFieldName, isFieldValue } from "../call/field-syntax.ts";
import { Fields } from "../call/fields.ts";
import { Code } from "../call/status.ts";
import { isValidMetadata } from "../wire/metadata.ts";

/** Fields about one connection (RFC 9110 section 7.6.1, RFC 9113 section 8.2.2): none passes a gateway. */
const hopByHop = [
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
] as const;

const hopByHopNames: ReadonlySet<string> = new Set([...hopByHop, "host"]);

/** Other names that begin with "grpc-" are metadata: grpc-previous-rpc-attempts, grpc-retry-pushback-ms and more. */
const requestNames: ReadonlySet<string> = new Set([
  ...hopByHop,
  "accept",
  "accept-encoding",
  "connect-accept-encoding",
  "connect-content-encoding",
  "connect-protocol-version",
  "connect-timeout-ms",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "grpc-accept-encoding",
  "grpc-encoding",
  "grpc-timeout",
  "host",
  "x-grpc-web",
]);

const responseNames: ReadonlySet<string> = new Set([
  ...hopByHop,
  "accept-encoding",
  "connect-accept-encoding",
  "connect-content-encoding",
  "content-encoding",
  "content-length",
  "content-type",
  "grpc-accept-encoding",
  "grpc-encoding",
  "grpc-message",
  "grpc-status",
  "grpc-status-details-bin",
]);

/**
 * The metadata among a request's fields.
 * @throws CallError INVALID_ARGUMENT for a `-bin` value that is no base64.
 */
export function requestMetadata(fields: Fields): Fields {
  return keep(fields, requestNames, (name) => {
    throw new CallError(Code.INVALID_ARGUMENT, `metadata ${name} is not base64`, { side: "caller" });
  });
}

/** The metadata among an answer's fields or trailers. A `-bin` value that nobody could decode is left out. */
export function responseMetadata(fields: Fields): Fields {
  return keep(fields, responseNames, () => {});
}

/** The metadata among what a body tells as an answer's trailers: what could not be sent as a field is left out. */
export function trailersInBody(fields: Fields): Fields {
  const { flat } = fields;
  const kept: string[] = [];
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i]!;
    const value = flat[i + 1]!;
    if (!name.startsWith(":") && isFieldName(name) && isFieldValue(value)) kept.push(name, value);
  }
  return responseMetadata(new Fields(kept));
}

/** All that passes a gateway of plain HTTP. */
export function endToEnd(fields: Fields): Fields {
  return keep(fields, hopByHopNames);
}

function keep(fields: Fields, without: ReadonlySet<string>, invalid?: (name: string) => void): Fields {
  const { flat } = fields;
  const nominated = nominatedBy(fields);
  let kept: string[] | undefined;
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i]!;
    const value = flat[i + 1]!;
    let drop = without.has(name) || nominated?.includes(name) === true;
    if (!drop && invalid !== undefined && !isValidMetadata(name, value)) {
      invalid(name);
      drop = true;
    }
    if (drop) kept ??= flat.slice(0, i);
    else kept?.push(name, value);
  }
  if (kept === undefined) return fields;
  return kept.length === 0 ? Fields.empty : new Fields(kept, fields.neverIndexed);
}

/** The names that Connection makes hop-by-hop. */
function nominatedBy(fields: Fields): string[] | undefined {
  const connection = fields.joined("connection");
  return connection?.split(",").map((name) => name.trim().toLowerCase());
}
