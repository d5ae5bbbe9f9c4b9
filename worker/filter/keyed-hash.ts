/** A hash that callers cannot aim: HalfSipHash-2-4 (github.com/veorq/SipHash), of a text's UTF-16 units in little endian. */

/** 64 bits that nobody else knows. */
export type HashSecret = readonly [number, number];

export function newSecret(): HashSecret {
  const [low, high] = crypto.getRandomValues(new Uint32Array(2));
  return [low!, high!];
}

/** The first 53 of the hash's 64 bits, most significant first, as a number holds them. */
export function keyedHash(text: string, [key0, key1]: HashSecret): number {
  const { length } = text;
  /** The word that ends the text. */
  const end = length >> 1;
  let v0 = key0;
  let v1 = key1 ^ 0xee;
  let v2 = key0 ^ 0x6c796765;
  let v3 = key1 ^ 0x74656462;
  let low = 0;
  // Behind the text two words of nothing bring forth half of the hash, and two more the other.
  for (let i = 0; i <= end + 4; i++) {
    let word = 0;
    if (i < end) word = text.charCodeAt(2 * i) | (text.charCodeAt(2 * i + 1) << 16);
    else if (i === end) word = ((2 * length) << 24) | (length % 2 === 1 ? text.charCodeAt(length - 1) : 0);
    v3 ^= word;
    for (let round = 0; round < 2; round++) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    v0 ^= word;
    if (i === end) v2 ^= 0xee;
    if (i !== end + 2) continue;
    low = v1 ^ v3;
    v1 ^= 0xdd;
  }
  return ((v1 ^ v3) >>> 0) * 2 ** 21 + (low >>> 11);
}
