/**
 * The framing that gRPC, gRPC-Web and Connect streams share: one byte of flags, the length in four bytes, the message
 * (grpc/doc/PROTOCOL-HTTP2.md, Length-Prefixed-Message).
 */
export const Flag = {
  COMPRESSED: 0x01,
  /** Connect: the end of the stream, in JSON. */
  END_STREAM: 0x02,
  /** gRPC-Web: the trailers. */
  TRAILERS: 0x80,
} as const;

export const prefixLength = 5;

/** The five bytes before a message of `length` bytes. */
export function envelopePrefix(flags: number, length: number): Uint8Array {
  return Uint8Array.of(flags, length >>> 24, length >>> 16, length >>> 8, length);
}

/** `message` with its prefix, in one piece. */
export function envelope(flags: number, message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(prefixLength + message.length);
  framed.set(envelopePrefix(flags, message.length));
  framed.set(message, prefixLength);
  return framed;
}

/** The length of the message whose prefix is at `at`; undefined unless the whole prefix is there. */
export function envelopedLength(bytes: Uint8Array, at = 0): number | undefined {
  if (bytes.length - at < prefixLength) return undefined;
  return ((bytes[at + 1]! << 24) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 8) | bytes[at + 4]!) >>> 0;
}

export interface EnvelopeEvents {
  /** A message of `length` bytes begins. Nothing is allocated for it: refuse it here if it is too long. */
  begin(flags: number, length: number): void;
  /** The next bytes of the message, borrowed: valid until this call returns. */
  piece(bytes: Uint8Array): void;
  /** The message is complete. */
  complete(): void;
}

/** Finds the messages in chunks cut anywhere, without keeping or copying any of their bytes. */
export class EnvelopeSplitter {
  readonly #events: EnvelopeEvents;
  /** Bytes of the prefix seen so far. */
  #prefix = 0;
  #flags = 0;
  #length = 0;
  /** Bytes of the message yet to come. */
  #left = 0;

  constructor(events: EnvelopeEvents) {
    this.#events = events;
  }

  /** Whether everything pushed so far ends with a whole message, so that another may follow. */
  get atBoundary(): boolean {
    return this.#prefix === 0;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#prefix < prefixLength) {
        const byte = chunk[at++]!;
        if (this.#prefix === 0) this.#flags = byte;
        else this.#length = ((this.#length << 8) | byte) >>> 0;
        if (++this.#prefix < prefixLength) continue;
        this.#left = this.#length;
        this.#events.begin(this.#flags, this.#length);
      } else {
        const end = Math.min(chunk.length, at + this.#left);
        this.#left -= end - at;
        this.#events.piece(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
        at = end;
      }
      if (this.#left === 0) {
        this.#prefix = this.#length = 0;
        this.#events.complete();
      }
    }
  }
}
