/**
 * The Huffman code (RFC 7541 appendix B). It is canonical: codes of one length follow each other in the symbols' order,
 * so that the lengths say it all.
 */
// prettier-ignore
const lengths: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30, // EOS
];

export const eos = 256;

/** Length in bits of each symbol's code. */
export const codeLengths: Uint8Array = Uint8Array.from(lengths);

/** Each symbol's code, right-aligned. */
export const codes: Uint32Array = new Uint32Array(lengths.length);

/** Symbols in the order of their codes. */
export const symbols: Uint16Array = new Uint16Array(lengths.length);

/** By length: the first code of that length, and where its symbol is in {@link symbols}. */
export const firstCode: Uint32Array = new Uint32Array(32);
export const firstSymbol: Uint16Array = new Uint16Array(32);

for (let length = 1, code = 0, count = 0; length <= 30; length++) {
  code *= 2;
  firstCode[length] = code;
  firstSymbol[length] = count;
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    if (lengths[symbol] !== length) continue;
    codes[symbol] = code++;
    symbols[count++] = symbol;
  }
}
