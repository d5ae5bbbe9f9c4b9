import { Scheme } from "../../../proto/gen/edgeway/v1/table_pb.js";

export interface ListenPort {
  readonly scheme: Scheme;
  readonly port: number;
}

/**
 * Both ALB controllers' listen-ports: a JSON list of maps of one entry each, such as `[{"HTTP":80},{"HTTPS":443}]`.
 * Returns why it is wrong, if it is.
 */
export function parseListenPorts(text: string): readonly ListenPort[] | string {
  const wanted = 'must be a JSON list such as [{"HTTP":80},{"HTTPS":443}]';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return wanted;
  }
  if (!Array.isArray(value) || value.length === 0) return wanted;
  const ports: ListenPort[] = [];
  for (const item of value as unknown[]) {
    const entries = typeof item === "object" && item !== null ? Object.entries(item) : [];
    const [protocol, port] = entries.length === 1 ? entries[0]! : [];
    if (protocol !== "HTTP" && protocol !== "HTTPS") return wanted;
    if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65_535) return wanted;
    if (ports.some((other) => other.port === port)) return `names port ${port} twice`;
    ports.push({ scheme: protocol === "HTTP" ? Scheme.HTTP : Scheme.HTTPS, port });
  }
  return ports;
}

/** The schemes of some ports, each once, in order. Both are all, which the table writes as none. */
export function schemesOf(ports: readonly ListenPort[]): Scheme[] {
  const schemes = [...new Set(ports.map(({ scheme }) => scheme))];
  return schemes.length === 2 ? [] : schemes;
}
