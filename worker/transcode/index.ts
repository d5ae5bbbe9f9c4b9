/**
 * JSON for origins that know only protobuf: Connect, gRPC and gRPC-Web with JSON, and REST by google.api.http options,
 * translated by a backend's descriptors.
 */
export { DescriptorCache, descriptorsFrom } from "./cache.ts";
export type { Conversation, Refusal, Translation } from "./conversation.ts";
export { converse, noDescriptors } from "./converse.ts";
export { Descriptors } from "./descriptors.ts";
