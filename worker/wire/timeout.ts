/** Deadlines as the protocols write them. */

/** Milliseconds in each TimeoutUnit (grpc/doc/PROTOCOL-HTTP2.md). */
const units: Readonly<Record<string, number>> = { n: 1e-6, u: 1e-3, m: 1, S: 1e3, M: 60e3, H: 3600e3 };
const mostDigits = 99_999_999;

/** Milliseconds in a `grpc-timeout`: one to eight digits and a unit. Undefined if it is malformed. */
export function parseGrpcTimeout(value: string): number | undefined {
  const unit = units[value.slice(-1)];
  const digits = value.slice(0, -1);
  if (unit === undefined || !/^\d{1,8}$/.test(digits)) return undefined;
  return Number(digits) * unit;
}

/** `grpc-timeout` for `ms` milliseconds, never more than is left: what does not fit the eight digits is cut off. */
export function formatGrpcTimeout(ms: number): string {
  if (ms >= 1 && ms <= mostDigits) return `${Math.floor(ms)}m`;
  if (ms < 1) return `${Math.max(1, Math.floor(ms * 1e6))}n`;
  if (ms <= mostDigits * 1e3) return `${Math.floor(ms / 1e3)}S`;
  return `${Math.min(mostDigits, Math.floor(ms / 3600e3))}H`;
}

/** Milliseconds in a `connect-timeout-ms`: one to ten digits (Connect protocol, Timeout). Undefined if malformed. */
export function parseConnectTimeout(value: string): number | undefined {
  return /^\d{1,10}$/.test(value) ? Number(value) : undefined;
}

/** `connect-timeout-ms` for `ms` milliseconds, never more than is left: what does not fit the ten digits is cut off. */
export function formatConnectTimeout(ms: number): string {
  return String(Math.min(9_999_999_999, Math.max(0, Math.floor(ms))));
}
