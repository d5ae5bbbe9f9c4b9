/** Fields that HTTP/2 has a rule of its own for. */

/** Whether a connection-specific field (RFC 9113 section 8.2.2) is called `name`; `te` is a case of its own. */
export function isConnectionSpecific(name: string): boolean {
  switch (name.length) {
    case 7:
      return name === "upgrade";
    case 10:
      return name === "connection" || name === "keep-alive";
    case 16:
      return name === "proxy-connection";
    case 17:
      return name === "transfer-encoding";
    default:
      return false;
  }
}
