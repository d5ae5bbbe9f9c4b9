import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema, type FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { once } from "node:events";
import { createServer as createHttp1Server } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { fromBinary } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "vitest";
import { ServerReflection } from "../../proto/gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../../proto/gen/grpc/reflection/v1alpha/reflection_pb.js";
import { reflect } from "./reflection.ts";

const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

const message = create(FileDescriptorProtoSchema, { name: "m.proto", package: "m", messageType: [{ name: "M" }] });
const service = create(FileDescriptorProtoSchema, {
  name: "s.proto",
  package: "s",
  dependency: ["m.proto"],
  service: [{ name: "S", method: [{ name: "Get", inputType: ".m.M", outputType: ".m.M" }] }],
});

/** Answers with the file alone, as some servers do: those it imports must be asked for. */
function reflection(files: readonly FileDescriptorProto[], asked: string[] = []): ServiceImpl<typeof ServerReflection> {
  return {
    async *serverReflectionInfo(requests) {
      for await (const { messageRequest } of requests) {
        asked.push(`${messageRequest.case} ${messageRequest.value}`);
        if (messageRequest.case === "listServices") {
          const services = ["grpc.reflection.v1.ServerReflection", "s.S", "lost.Service"].map((name) => ({ name }));
          yield { messageResponse: { case: "listServicesResponse", value: { service: services } } };
          continue;
        }
        const wanted = messageRequest.case === "fileByFilename" ? messageRequest.value : "s.proto";
        const file = messageRequest.value === "lost.Service" ? undefined : files.find(({ name }) => name === wanted);
        yield file === undefined
          ? { messageResponse: { case: "errorResponse", value: { errorCode: Code.NotFound, errorMessage: "no such" } } }
          : {
              messageResponse: {
                case: "fileDescriptorResponse",
                value: { fileDescriptorProto: [toBinary(FileDescriptorProtoSchema, file)] },
              },
            };
      }
    },
  };
}

async function listen(server: Server) {
  await once(server.listen(0, "127.0.0.1"), "listening");
  closers.push(() => server.close());
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port, tls: false };
}

function ask(address: { host: string; port: number; tls: boolean }) {
  return reflect(address, new AbortController().signal);
}

test("a server tells its services, and is asked for what their files import", async () => {
  const asked: string[] = [];
  const routes = connectNodeAdapter({
    routes: (router) => router.service(ServerReflection, reflection([service, message], asked)),
  });
  const { bytes } = await ask(await listen(createHttp2Server(routes)));
  expect(fromBinary(FileDescriptorSetSchema, bytes).file.map(({ name }) => name)).toEqual(["m.proto", "s.proto"]);
  expect(asked).toEqual([
    "listServices *",
    "fileContainingSymbol s.S",
    "fileContainingSymbol lost.Service",
    "fileByFilename m.proto",
  ]);
});

test("a server that has only v1alpha is asked by that", async () => {
  const routes = connectNodeAdapter({
    routes: (router) => router.service(ServerReflectionAlpha, reflection([service, message])),
  });
  expect((await ask(await listen(createHttp2Server(routes)))).hash).toMatch(/^[0-9a-f]{64}$/);
});

test("a server without reflection is told from one that fails", async () => {
  const without = await listen(createHttp2Server(connectNodeAdapter({ routes: () => {} })));
  await expect(ask(without)).rejects.toMatchObject({ code: Code.Unimplemented });
  const incomplete = connectNodeAdapter({
    routes: (router) => router.service(ServerReflection, reflection([service])),
  });
  const error = await ask(await listen(createHttp2Server(incomplete))).catch((thrown: unknown) => thrown);
  expect(ConnectError.from(error).rawMessage).toBe("no such");
});

test("a server that speaks HTTP/1.1, or is not there, is one clear error", async () => {
  const http1 = await listen(createHttp1Server((_, response) => response.end()));
  await expect(ask(http1)).rejects.toThrow();
  await expect(ask({ host: "127.0.0.1", port: 1, tls: false })).rejects.toMatchObject({ code: Code.Unavailable });
});
