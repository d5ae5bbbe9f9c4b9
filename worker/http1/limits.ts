/** What an HTTP/1.1 connection lets its origin use. */

/** Bytes of an answer's head, or of its trailer section: what most servers take themselves. */
export const maxHeadBytes = 65_536;
/** Fields of a head: small ones cost more memory than bytes. */
export const maxFields = 256;
/** Interim (1xx) answers before the final one. */
export const maxInterim = 32;
/** Bytes of a chunk's size line: sixteen digits and an extension. */
export const maxChunkLineBytes = 256;
/** Body bytes that may be with the taker and not used up. */
export const window = 65_536;
