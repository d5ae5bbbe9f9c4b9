/** What the page of the tests runs: bundled for the browser. Makes calls as its tests ask, see {@link Call}. */
import {
  createFileRegistry,
  type DescMethod,
  fromBinary,
  fromJson,
  type FileRegistry,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { type CallOptions, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { GrpcWebClientBase, type Metadata, MethodDescriptor, type RpcError, type Status } from "grpc-web";
import type { Call, Failure, Outcome } from "./calls.ts";

let registry: FileRegistry;

/** @param descriptors a google.protobuf.FileDescriptorSet in base64 */
function learn(descriptors: string): void {
  registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, bytesOf(descriptors)));
}

async function call(asked: Call): Promise<Outcome> {
  const method = methodOf(asked.method);
  const record = new Recording(method);
  const failed = await (asked.client.startsWith("grpc-web-npm")
    ? callWithGrpcWeb(asked, method, record)
    : callWithConnect(asked, method, record));
  return { ...record.outcome, ...(failed && { error: failed }) };
}

/** What has come so far. */
class Recording {
  readonly outcome = {
    messages: [] as JsonValue[],
    times: [] as number[],
    headers: {} as { [name: string]: string },
    trailers: {} as { [name: string]: string },
  };
  readonly #method: DescMethod;
  readonly #begin = performance.now();

  constructor(method: DescMethod) {
    this.#method = method;
  }

  add(message: Message): void {
    this.outcome.messages.push(toJson(this.#method.output, message, { alwaysEmitImplicit: true }));
    this.outcome.times.push(performance.now() - this.#begin);
  }
}

async function callWithConnect(asked: Call, method: DescMethod, record: Recording): Promise<Failure | undefined> {
  const { client, url, request, headers, timeoutMs, credentials } = asked;
  const createTransport = client === "grpc-web" ? createGrpcWebTransport : createConnectTransport;
  const transport = createTransport({
    baseUrl: url,
    useBinaryFormat: client !== "connect-json",
    fetch: (input, init) => fetch(input, { ...init, credentials: credentials ? "include" : "omit" }),
  });
  const cancel = new AbortController();
  const options: CallOptions = {
    signal: cancel.signal,
    onHeader: (fields) => fields.forEach((value, name) => (record.outcome.headers[name] = value)),
    onTrailer: (fields) => fields.forEach((value, name) => (record.outcome.trailers[name] = value)),
    ...(headers && { headers }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
  if (asked.cancelAfterMs !== undefined) setTimeout(() => cancel.abort(), asked.cancelAfterMs);
  const called = (createClient(method.parent, transport) as any)[method.localName](
    fromJson(method.input, request as JsonValue),
    options,
  );
  try {
    if (method.methodKind === "unary") record.add(await called);
    else for await (const message of called) record.add(message);
    return undefined;
  } catch (thrown) {
    const { code, rawMessage, details } = ConnectError.from(thrown);
    return {
      code,
      message: rawMessage,
      details: details.map((detail) => ("type" in detail ? decoded(detail.type, detail.value) : detail)),
    };
  }
}

function callWithGrpcWeb(asked: Call, method: DescMethod, record: Recording): Promise<Failure | undefined> {
  const { client, url, request, headers, timeoutMs, credentials } = asked;
  const caller = new GrpcWebClientBase({
    format: client === "grpc-web-npm-text" ? "text" : "binary",
    withCredentials: credentials === true,
  });
  const descriptor = new MethodDescriptor<Message, Message>(
    `/${asked.method}`,
    method.methodKind,
    Object as never,
    Object as never,
    (message: Message) => toBinary(method.input, message),
    (bytes: Uint8Array) => fromBinary(method.output, bytes),
  );
  const message = fromJson(method.input, request as JsonValue);
  const metadata = { ...headers, ...(timeoutMs !== undefined && { deadline: String(Date.now() + timeoutMs) }) };
  const target = `${url}/${asked.method}`;
  return new Promise((resolve) => {
    const unary = method.methodKind === "unary";
    const stream = unary
      ? caller.rpcCall(target, message, metadata, descriptor, (error, answer) => {
          if (error === null) record.add(answer);
          else resolve(failureOf(error));
        })
      : caller.serverStreaming(target, message, metadata, descriptor);
    stream.on("metadata", (fields: Metadata) => Object.assign(record.outcome.headers, fields));
    stream.on("status", (status: Status) => Object.assign(record.outcome.trailers, status.metadata));
    stream.on("error", (error: RpcError) => resolve(failureOf(error)));
    stream.on("end", () => resolve(undefined));
    if (!unary) stream.on("data", (answer: Message) => record.add(answer));
    if (asked.cancelAfterMs === undefined) return;
    setTimeout(() => {
      stream.cancel();
      resolve({ code: 1, message: "cancelled", details: [] });
    }, asked.cancelAfterMs);
  });
}

function failureOf({ code, message, metadata }: RpcError): Failure {
  const status = metadata["grpc-status-details-bin"];
  const { details = [] } = status === undefined ? {} : (decoded("google.rpc.Status", bytesOf(status)) as any);
  return { code, message, details };
}

/** A message as JSON. */
function decoded(type: string, bytes: Uint8Array): JsonValue {
  const schema = registry.getMessage(type)!;
  return toJson(schema, fromBinary(schema, bytes), { registry });
}

function methodOf(path: string): DescMethod {
  const [service, name] = path.split("/");
  return registry.getService(service!)!.methods.find((method) => method.name === name)!;
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

Object.assign(globalThis, { learn, call });
