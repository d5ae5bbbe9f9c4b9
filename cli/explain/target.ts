/** The request that a user asks about. */
import { Fields } from "../../worker/call/fields.ts";
import type { RequestHead } from "../../worker/call/http.ts";
import { UsageError } from "../usage.ts";

interface TargetOptions {
  /** "NAME: VALUE". */
  readonly headers: readonly string[];
  readonly method: string | undefined;
  readonly authority: string | undefined;
  /** That of a gRPC method, unless one is given. */
  readonly home: string;
}

/**
 * The request for a URL, taken as it stands, or the call of a gRPC method.
 * @throws UsageError if `target` is neither.
 */
export function parseTarget(target: string, options: TargetOptions): RequestHead {
  const headers = options.headers.map(parseHeader);
  const fields = headers.filter(([name]) => name !== "host");
  const { method, home, authority = headers.find(([name]) => name === "host")?.[1] } = options;
  const [, scheme, host, path, query = ""] = /^(https?):\/\/([^/?#]+)([^?#]*)(\?[^#]*)?/.exec(target) ?? [];
  if (scheme !== undefined) {
    return {
      method: method ?? "GET",
      scheme: scheme === "http" ? "http" : "https",
      authority: authority ?? host!,
      path: `${path === "" ? "/" : path}${query}`,
      fields: Fields.from(fields),
    };
  }
  if (!/^\/?[^/?#\s:]+\/[^/?#\s]+$/.test(target))
    throw new UsageError(`${JSON.stringify(target)} is neither a URL nor SERVICE/METHOD`);
  return {
    method: method ?? "POST",
    scheme: "https",
    authority: authority ?? home,
    path: target.startsWith("/") ? target : `/${target}`,
    fields: Fields.from([["content-type", "application/grpc"], ["te", "trailers"], ...fields]),
  };
}

function parseHeader(text: string): [string, string] {
  const colon = text.indexOf(":");
  if (colon < 1) throw new UsageError(`a header is 'NAME: VALUE', not ${JSON.stringify(text)}`);
  return [text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim()];
}
