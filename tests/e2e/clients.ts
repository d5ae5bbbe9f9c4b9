/** Real clients of the edge: grpc-js, and connect-node's gRPC-Web and Connect. Methods are named "package.Service/Method". */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import {
  createFileRegistry,
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  type FileRegistry,
  fromBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
} from "@grpc/grpc-js";
import { service } from "../../examples/services/protos.ts";
import { root } from "../dev/cli.ts";

type Message = Record<string, any>;

/** A client of any protocol, at its simplest. */
export interface AnyClient {
  unary(method: string, request: object, headers?: Readonly<Record<string, string>>): Promise<Message>;
  /** A call of any kind, as streams. */
  stream(method: string, requests: AsyncIterable<object>): AsyncIterator<Message>;
  close(): void;
}

export interface UnaryAnswer {
  readonly response: Message;
  readonly headers: Metadata;
  readonly trailers: Metadata;
}

/** A client of native gRPC. `authority` is the host it asks for, if not the one it connects to. */
export class GrpcClient implements AnyClient {
  readonly #client: Client;

  constructor({ tlsPort, authority }: { readonly tlsPort: number; readonly authority?: string }) {
    this.#client = new Client(
      `localhost:${tlsPort}`,
      credentials.createSsl(null, null, null, { rejectUnauthorized: false }),
      {
        "grpc.use_local_subchannel_pool": 1,
        ...(authority !== undefined && {
          "grpc.default_authority": authority,
          "grpc.ssl_target_name_override": authority,
        }),
      },
    );
  }

  async unary(method: string, request: object, headers: Readonly<Record<string, string>> = {}): Promise<Message> {
    const { response } = await this.call(method, request, metadataOf(headers));
    return response;
  }

  /** Rejects with a ServiceError. */
  call(method: string, request: object, metadata = new Metadata(), options: CallOptions = {}): Promise<UnaryAnswer> {
    const { path, requestSerialize, responseDeserialize } = definition(method);
    return new Promise((resolve, reject) => {
      let response: Message;
      let failure: ServiceError | null = null;
      let headers = new Metadata();
      const call = this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        options,
        (error, message) => {
          failure = error;
          response = message as Message;
        },
      );
      call.on("metadata", (received: Metadata) => (headers = received));
      // Emitted after the callback.
      call.on("status", ({ metadata: trailers }) =>
        failure === null ? resolve({ response, headers, trailers }) : reject(failure),
      );
    });
  }

  /** A call of any kind: on the wire, all are streams both ways. */
  open(method: string, headers: Readonly<Record<string, string>> = {}): ClientDuplexStream<object, Message> {
    const { path, requestSerialize, responseDeserialize } = definition(method);
    return this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadataOf(headers),
    ) as ClientDuplexStream<object, Message>;
  }

  stream(method: string, requests: AsyncIterable<object>): AsyncIterator<Message> {
    const call = this.open(method);
    sendAll(call, requests).catch((error: Error) => call.destroy(error));
    return call[Symbol.asyncIterator]();
  }

  close(): void {
    this.#client.close();
  }
}

async function sendAll(call: ClientDuplexStream<object, Message>, requests: AsyncIterable<object>): Promise<void> {
  for await (const request of requests) call.write(request);
  call.end();
}

/** A method that no service has is taken to have the messages of Say. */
function definition(method: string): MethodDefinition<object, object> {
  const [serviceName, name] = method.split("/");
  return service(serviceName!)?.[name!] ?? { ...service("edgeway.examples.v1.Echo")["Say"]!, path: `/${method}` };
}

export function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

/** A client over a transport of Connect's. */
class ConnectClient implements AnyClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async unary(method: string, request: object, headers: Readonly<Record<string, string>> = {}): Promise<Message> {
    const found = descriptor(method) as DescMethodUnary;
    const { message } = await this.#transport.unary(found, undefined, undefined, headers, request as Message);
    return message;
  }

  async *stream(method: string, requests: AsyncIterable<object>): AsyncGenerator<Message> {
    const found = descriptor(method) as DescMethodStreaming;
    const { message } = await this.#transport.stream(
      found,
      undefined,
      undefined,
      undefined,
      requests as AsyncIterable<Message>,
    );
    yield* message;
  }

  close(): void {}
}

/** Over HTTP/2 and TLS, as connect-node speaks them. */
export function connectClient(protocol: "connect" | "grpc-web", tlsPort: number): AnyClient {
  const createTransport = protocol === "connect" ? createConnectTransport : createGrpcWebTransport;
  return new ConnectClient(
    createTransport({
      baseUrl: `https://localhost:${tlsPort}`,
      httpVersion: "2",
      nodeOptions: { rejectUnauthorized: false },
      idleConnectionTimeoutMs: 1000,
    }),
  );
}

function descriptor(method: string): DescMethod {
  const [serviceName, name] = method.split("/");
  const found = registry()
    .getService(serviceName!)
    ?.methods.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no method ${method}`);
  return found;
}

let files: FileRegistry | undefined;

/** The examples' protos as protobuf-es has them. */
export function registry(): FileRegistry {
  if (files === undefined) {
    const buf = join(root, "node_modules/.bin/buf");
    const descriptors = execFileSync(buf, ["build", join(root, "examples/proto"), "-o", "-"]);
    files = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  }
  return files;
}

/** Requests as they are pushed, for calls whose answers decide what is sent next. */
export class Requests implements AsyncIterable<object> {
  readonly #queue: object[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  push(request: object): void {
    this.#queue.push(request);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<object> {
    for (;;) {
      while (this.#queue.length > 0) yield this.#queue.shift()!;
      if (this.#ended) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** These, and no more. */
export async function* sequence(...all: readonly object[]): AsyncGenerator<object> {
  yield* all;
}

export async function collect<T>(answers: AsyncIterator<T>): Promise<T[]> {
  const all: T[] = [];
  for (let next = await answers.next(); !next.done; next = await answers.next()) all.push(next.value);
  return all;
}
