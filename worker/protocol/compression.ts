/** Compressions of messages, by the names that gRPC and Connect give them, and the limits of undoing them. */

/** One compression, as a host provides it. */
export interface Compression {
  compress(bytes: Uint8Array): Promise<Uint8Array>;
  /** Rejects with a {@link TooLarge} as soon as more than `most` bytes come out, with any error for broken data. */
  decompress(bytes: Uint8Array, most: number): Promise<Uint8Array>;
}

export type Compressions = ReadonlyMap<string, Compression>;

export class TooLarge extends Error {
  override readonly name = "TooLarge";
}

/** DEFLATE's own limit is 1032:1 (zlib's technical details): what grows more was made to. */
const mostExpansion = 1100;
/** Small messages may grow more: it costs nothing. */
const anyExpansion = 64 * 1024;

/** Bytes that `compressed` bytes may become, where a message may have `most`. */
export function expansionLimit(compressed: number, most: number): number {
  return Math.min(most, Math.max(anyExpansion, compressed * mostExpansion));
}

/** The compression that the web's streams call `format`. */
export function webCompression(format: "gzip" | "deflate"): Compression {
  return {
    compress: (bytes) => readAll(bytes, new CompressionStream(format), Number.POSITIVE_INFINITY),
    decompress: (bytes, most) => readAll(bytes, new DecompressionStream(format), most),
  };
}

/** What every runtime has. gRPC's "deflate" is the zlib format, as is the web's. */
export const webCompressions: Compressions = new Map([
  ["gzip", webCompression("gzip")],
  ["deflate", webCompression("deflate")],
]);

async function readAll(
  bytes: Uint8Array,
  transform: CompressionStream | DecompressionStream,
  most: number,
): Promise<Uint8Array> {
  const writer = transform.writable.getWriter();
  // A failure shows on the readable side, which is awaited.
  const written = Promise.allSettled([writer.write(new Uint8Array(bytes)), writer.close()]);
  const reader = transform.readable.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    length += next.value.length;
    if (length > most) {
      const error = new TooLarge(`the message is larger than ${most} bytes decompressed`);
      await Promise.allSettled([reader.cancel(error), writer.abort(error)]);
      throw error;
    }
    chunks.push(next.value);
  }
  await written;
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
