/**
 * JSON for origins that know only protobuf: Connect, gRPC and gRPC-Web with JSON, and REST by google.api.http options,
 * translated by a backend's descriptors. Those are had from cache.ts, with all the code that they take.
 */
export type { Conversation, Translation } from "./conversation.ts";
export { converse } from "./converse.ts";
export type { Descriptors } from "./descriptors.ts";
export { noDescriptors } from "./untranslated.ts";
