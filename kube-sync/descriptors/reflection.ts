import type { MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary } from "@bufbuild/protobuf";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { createWritableIterable } from "@connectrpc/connect/protocol";
import type {
  ErrorResponse,
  ServerReflectionRequest,
  ServerReflectionResponse,
} from "../../proto/gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection, ServerReflectionRequestSchema } from "../../proto/gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../../proto/gen/grpc/reflection/v1alpha/reflection_pb.js";
import type { DescriptorSet } from "./set.ts";
import { makeDescriptorSet } from "./set.ts";

/** An address of a gRPC server. */
export interface ReflectionAddress {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/** A server that takes longer to tell all is given up. */
const TIMEOUT_MS = 5_000;
/** Then the connection is closed; to break it off can raise an error that nobody can catch. */
const IDLE_MS = 500;
/** What a server may tell: far more than fits into a set. */
const MAX_SERVICES = 1_000;
const MAX_FILES = 5_000;
const MAX_BYTES = 32 * 1024 * 1024;

/** Its own services are of no use to callers who know JSON only. */
const REFLECTION = /^grpc\.reflection\./;

/**
 * Asks a server what it serves (github.com/grpc/grpc doc/server-reflection.md): version v1, or v1alpha where that is
 * all it has.
 * @throws a ConnectError or Error: UNIMPLEMENTED if it answers no reflection.
 */
export async function reflect({ host, port, tls }: ReflectionAddress, signal: AbortSignal): Promise<DescriptorSet> {
  const baseUrl = `${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const transport = createGrpcTransport({ baseUrl, readMaxBytes: MAX_BYTES, idleConnectionTimeoutMs: IDLE_MS });
  const options = { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) };
  try {
    const client = createClient(ServerReflection, transport);
    return await collect((requests) => client.serverReflectionInfo(requests, options));
  } catch (error) {
    if (ConnectError.from(error).code !== Code.Unimplemented) throw error;
    const client = createClient(ServerReflectionAlpha, transport);
    return await collect((requests) => client.serverReflectionInfo(requests, options));
  }
}

type Call = (requests: AsyncIterable<ServerReflectionRequest>) => AsyncIterable<ServerReflectionResponse>;

/** One question at a time, as servers answer in order. */
async function collect(call: Call): Promise<DescriptorSet> {
  const requests = createWritableIterable<ServerReflectionRequest>();
  const answers = call(requests)[Symbol.asyncIterator]();
  const ask = async (
    question: MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"],
  ): Promise<ServerReflectionResponse["messageResponse"]> => {
    // It resolves when it was taken: a server that fails the call takes nothing more.
    requests.write(create(ServerReflectionRequestSchema, { messageRequest: question! })).catch(() => {});
    const { done, value } = await answers.next();
    if (done === true) throw new Error("the server ended the call before it answered");
    const { messageResponse } = value;
    if (messageResponse.case !== "errorResponse") return messageResponse;
    throw refusal(messageResponse.value);
  };
  try {
    const listed = await ask({ case: "listServices", value: "*" });
    const services = listed.case === "listServicesResponse" ? listed.value.service.map(({ name }) => name) : [];
    if (services.length > MAX_SERVICES) throw new Error(`it lists more than ${MAX_SERVICES} services`);
    const files = new Files();
    for (const name of services) {
      if (REFLECTION.test(name)) continue;
      // oxlint-disable-next-line no-await-in-loop -- one question at a time
      const answer = await ask({ case: "fileContainingSymbol", value: name }).catch(unlessNotFound);
      if (answer !== undefined) files.add(answer);
    }
    for (let missing = files.missing(); missing !== undefined; missing = files.missing()) {
      // oxlint-disable-next-line no-await-in-loop -- each file may import more
      files.add(await ask({ case: "fileByFilename", value: missing }));
      if (!files.has(missing)) throw new Error(`it has no ${missing}, which a file imports`);
    }
    return makeDescriptorSet(files.all());
  } finally {
    requests.close();
  }
}

/** The status numbers that matter here. */
const codes: ReadonlyMap<number, Code> = new Map([Code.NotFound, Code.Unimplemented].map((code) => [code, code]));

function refusal({ errorCode, errorMessage }: ErrorResponse): ConnectError {
  return new ConnectError(errorMessage, codes.get(errorCode) ?? Code.Unknown);
}

/** Some servers list services that they cannot describe. */
function unlessNotFound(error: unknown): undefined {
  if (ConnectError.from(error).code !== Code.NotFound) throw error;
}

class Files {
  readonly #files = new Map<string, FileDescriptorProto>();
  readonly #imports = new Set<string>();
  #bytes = 0;

  add(answer: ServerReflectionResponse["messageResponse"]): void {
    if (answer.case !== "fileDescriptorResponse") throw new Error("the server answered another question");
    for (const bytes of answer.value.fileDescriptorProto) {
      const file = fromBinary(FileDescriptorProtoSchema, bytes);
      if (this.#files.has(file.name)) continue;
      this.#files.set(file.name, file);
      this.#bytes += bytes.length;
      for (const name of file.dependency) this.#imports.add(name);
    }
    if (this.#files.size > MAX_FILES || this.#bytes > MAX_BYTES) throw new Error("its descriptors are too large");
  }

  has(name: string): boolean {
    return this.#files.has(name);
  }

  /** A file that is imported and not here. */
  missing(): string | undefined {
    return [...this.#imports].find((name) => !this.#files.has(name));
  }

  all(): Iterable<FileDescriptorProto> {
    return this.#files.values();
  }
}
