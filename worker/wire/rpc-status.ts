/**
 * google.rpc.Status in protobuf's binary form, which `grpc-status-details-bin` carries:
 * int32 code = 1, string message = 2, repeated google.protobuf.Any details = 3 {string type_url = 1, bytes value = 2}.
 * By hand, because three fields need no schema at run time.
 */
export interface StatusDetail {
  /** The message's full name, "google.rpc.RetryInfo". */
  readonly type: string;
  readonly value: Uint8Array;
}

export interface RpcStatus {
  readonly code: number;
  readonly message: string;
  readonly details: readonly StatusDetail[];
}

const typePrefix = "type.googleapis.com/";
const utf8 = new TextEncoder();
const text = new TextDecoder();

export function encodeStatus({ code, message, details }: RpcStatus): Uint8Array {
  const bytes: number[] = [];
  if (code !== 0) bytes.push(0x08, ...varint(code));
  if (message !== "") bytes.push(0x12, ...delimited(utf8.encode(message)));
  for (const { type, value } of details) {
    const any = [0x0a, ...delimited(utf8.encode(typePrefix + type))];
    if (value.length > 0) any.push(0x12, ...delimited(value));
    bytes.push(0x1a, ...delimited(any));
  }
  return Uint8Array.from(bytes);
}

/** google.rpc.RetryInfo {google.protobuf.Duration retry_delay = 1 {int64 seconds = 1, int32 nanos = 2}}. */
export function retryInfo(ms: number): StatusDetail {
  const duration: number[] = [];
  const seconds = Math.floor(ms / 1_000);
  const nanos = Math.round((ms % 1_000) * 1_000_000);
  if (seconds > 0) duration.push(0x08, ...varint(seconds));
  if (nanos > 0) duration.push(0x10, ...varint(nanos));
  return { type: "google.rpc.RetryInfo", value: Uint8Array.from([0x0a, ...delimited(duration)]) };
}

function delimited(bytes: ArrayLike<number> & Iterable<number>): number[] {
  return [...varint(bytes.length), ...bytes];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  bytes.push(value);
  return bytes;
}

/** Undefined if `bytes` are no protobuf message. */
export function decodeStatus(bytes: Uint8Array): RpcStatus | undefined {
  let code = 0;
  let message = "";
  const details: StatusDetail[] = [];
  const whole = eachField(bytes, (field, value) => {
    if (field === 1 && typeof value === "number") code = value;
    else if (field === 2 && typeof value === "object") message = text.decode(value);
    else if (field === 3 && typeof value === "object") details.push(decodeAny(value));
  });
  return whole ? { code, message, details } : undefined;
}

function decodeAny(bytes: Uint8Array): StatusDetail {
  let type = "";
  let value: Uint8Array = new Uint8Array(0);
  eachField(bytes, (field, content) => {
    if (typeof content !== "object") return;
    if (field === 1) type = text.decode(content);
    if (field === 2) value = content;
  });
  return { type: type.slice(type.lastIndexOf("/") + 1), value };
}

/** Calls `use` for every field with a number or bytes; others are skipped. Returns whether `bytes` were well formed. */
function eachField(bytes: Uint8Array, use: (field: number, value: number | Uint8Array) => void): boolean {
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let factor = 1; at < bytes.length; factor *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  while (at < bytes.length) {
    const tag = readVarint();
    const field = Math.floor(tag / 8);
    const kind = tag % 8;
    if (kind === 0) {
      const value = readVarint();
      if (Number.isNaN(value)) return false;
      use(field, value);
    } else if (kind === 2) {
      const end = readVarint() + at;
      if (!(end <= bytes.length)) return false;
      use(field, bytes.subarray(at, end));
      at = end;
    } else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else return false;
  }
  return at === bytes.length;
}
