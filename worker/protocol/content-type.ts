/** A content type without its parameters, in lower case: what decides on a protocol. */
export function essence(contentType: string): string {
  if (contentType === "application/grpc") return contentType; // most often, and already
  const semicolon = contentType.indexOf(";");
  return (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
}

/** The codec that `type` names as `base` or `base+codec`. Undefined if it is another type. */
export function codecOf(type: string, base: string): string | undefined {
  if (!type.startsWith(base)) return undefined;
  if (type.length === base.length) return "proto";
  return type[base.length] === "+" && type.length > base.length + 1 ? type.slice(base.length + 1) : undefined;
}
