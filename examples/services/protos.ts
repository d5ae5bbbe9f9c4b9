/** The examples' service definitions, read from ../proto. */
import type { ServiceDefinition } from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";

const definition: PackageDefinition = loadSync(
  [
    "helloworld.proto",
    "routeguide.proto",
    "keyvaluestore.proto",
    "edgeway/examples/v1/echo.proto",
    "google/rpc/status.proto",
  ],
  { includeDirs: [new URL("../proto", import.meta.url).pathname], longs: Number, defaults: true },
);

/** Every message and service, for reflection. */
export const packageDefinition: PackageDefinition = definition;

/** A service by its full name. */
export function service(name: string): ServiceDefinition {
  return definition[name] as unknown as ServiceDefinition;
}

/** Encodes a message of the type with this full name. */
export function encode(type: string, message: object): Buffer {
  const messageType = definition[type] as unknown as { serialize(value: object): Buffer };
  return messageType.serialize(message);
}
