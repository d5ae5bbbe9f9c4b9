/** The compressions of node:zlib, which Node has and Deno too. */
import zlib, { type InputType } from "node:zlib";
import { type Compression, type Compressions, TooLarge } from "../protocol/compression.ts";

type Done = (error: Error | null, bytes: Uint8Array) => void;
type Decompress = (bytes: InputType, options: { readonly maxOutputLength: number }, done: Done) => void;

/** What a gateway can afford on every message: what nginx compresses with by itself; brotli's default takes 100 times longer. */
const brotliOptions = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 4 } };

/** In the order in which answers name them; gRPC's "deflate" is the zlib format. */
export const zlibCompressions: Compressions = new Map([
  ["gzip", compressionOf((bytes, done) => zlib.gzip(bytes, done), zlib.gunzip)],
  ["deflate", compressionOf((bytes, done) => zlib.deflate(bytes, done), zlib.inflate)],
  ["br", compressionOf((bytes, done) => zlib.brotliCompress(bytes, brotliOptions, done), zlib.brotliDecompress)],
  ["zstd", compressionOf((bytes, done) => zlib.zstdCompress(bytes, done), zlib.zstdDecompress)],
]);

function compressionOf(compress: (bytes: Uint8Array, done: Done) => void, decompress: Decompress): Compression {
  return {
    compress: (bytes) =>
      new Promise((resolve, reject) => {
        compress(bytes, (error, compressed) => (error === null ? resolve(compressed) : reject(error)));
      }),
    decompress: (bytes, most) =>
      new Promise((resolve, reject) => {
        decompress(bytes, { maxOutputLength: most }, (error, plain) => {
          if (error === null) resolve(plain);
          else
            reject(isTooLarge(error) ? new TooLarge(`the message is larger than ${most} bytes decompressed`) : error);
        });
      }),
  };
}

function isTooLarge(error: Error): boolean {
  return (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
}
