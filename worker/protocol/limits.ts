/**
 * Bytes of a message that must be held whole: a Worker has 128 MB for all its calls. Messages that pass in pieces have
 * no limit here; the origin has its own.
 */
export const maxMessageBytes = 16 * 1024 * 1024;

/** Bytes of an error, or of a stream's end, where it is part of a body: as much as header fields may have. */
export const maxEndBytes = 64 * 1024;
