/** Bodies of requests to the edge itself: bounded before and after they are decompressed. */
import { TooLarge, webCompression } from "../protocol/compression.ts";
import { Refused } from "./refused.ts";

const gzip = webCompression("gzip");

/**
 * The whole body, uncompressed.
 *
 * @throws Refused if it is larger than `most` bytes, or compressed in another way than gzip
 */
export async function readBody(request: Request, most: number): Promise<Uint8Array> {
  const encoding = request.headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity" && encoding !== "gzip")
    throw new Refused("invalid", `content-encoding ${encoding} is none that this edge knows: gzip is`);
  if (Number(request.headers.get("content-length") ?? 0) > most) throw tooLarge(most);
  const body = await readAll(request.body, most);
  if (encoding === "identity" || body.length === 0) return body;
  try {
    return await gzip.decompress(body, most);
  } catch (error) {
    if (error instanceof TooLarge) throw tooLarge(most);
    throw new Refused("invalid", "the body is no gzip");
  }
}

/** Bytes that are read of a request that is refused: a table of some thousand routes, compressed. */
const refusedBytes = 1024 * 1024;

/**
 * Takes what a caller still sends of a request that is refused already: over HTTP/1.1 workerd cuts off whoever sends on
 * when he is answered, and he does not see the answer.
 */
export async function passOver({ body, bodyUsed }: Request): Promise<void> {
  if (body === null || bodyUsed) return;
  let length = 0;
  try {
    for await (const chunk of body as ReadableStream<Uint8Array>) {
      length += chunk.length;
      if (length > refusedBytes) return;
    }
  } catch {
    // He is gone, and needs no answer.
  }
}

async function readAll(body: ReadableStream<Uint8Array> | null, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > most) throw tooLarge(most);
    chunks.push(chunk);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function tooLarge(most: number): Refused {
  return new Refused("too_large", `a request may have at most ${most} bytes`);
}
