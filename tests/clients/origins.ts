/** The examples' echo by connect-node, speaking only what it is told to: origins as they are found, beside grpc-js. */
import { once } from "node:events";
import { createServer as createHttp1Server, type Server as Http1Server } from "node:http";
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from "node:http2";
import { create, type DescMessage } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { registry } from "../e2e/clients.ts";
import { portOf } from "../http2/subjects.ts";

export interface OriginKind {
  readonly protocol: "gRPC-Web" | "Connect";
  readonly httpVersion: "1.1" | "2";
}

export interface Origin {
  readonly port: number;
  /** Content types and methods of the requests that came. */
  readonly seen: string[];
  close(): Promise<void>;
}

const service = "edgeway.examples.v1.Echo";

export async function startOrigin({ protocol, httpVersion }: OriginKind): Promise<Origin> {
  const seen: string[] = [];
  const handler = connectNodeAdapter({
    routes: echo,
    grpc: false,
    grpcWeb: protocol === "gRPC-Web",
    connect: protocol === "Connect",
  });
  const answer: typeof handler = (request, response) => {
    seen.push(`${request.method} ${request.headers["content-type"] ?? "-"}`);
    handler(request, response);
  };
  const sessions = new Set<ServerHttp2Session>();
  const server: Http1Server | Http2Server = httpVersion === "2" ? createHttp2Server(answer) : createHttp1Server(answer);
  server.on("session", (session: ServerHttp2Session) => sessions.add(session));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: portOf(server),
    seen,
    async close() {
      for (const session of sessions) session.destroy();
      if ("closeAllConnections" in server) server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

type Message = Record<string, any>;

function echo(router: ConnectRouter): void {
  const descriptor = registry().getService(service)!;
  router.service(descriptor, {
    say: (request: Message, context: HandlerContext) => {
      for (const { name, value } of request["headers"]) context.responseHeader.append(name, value);
      for (const { name, value } of request["trailers"]) context.responseTrailer.append(name, value);
      const headers = [...context.requestHeader].map(([name, value]) => ({ name, value }));
      const left = context.timeoutMs();
      return {
        message: request["message"],
        cluster: "east",
        headers,
        ...(left !== undefined && { timeoutMillis: Math.round(left) }),
      };
    },
    async *stream({ count, size }: Message) {
      for (let number = 1; number <= count; number++) yield { number, payload: new Uint8Array(size) };
    },
    async *chat(messages: AsyncIterable<Message>) {
      for await (const { text } of messages) yield { text };
    },
    async collect(messages: AsyncIterable<Message>) {
      let [count, bytes] = [0, 0];
      for await (const { payload } of messages) {
        count++;
        bytes += payload.length;
      }
      return { messages: count, bytes: BigInt(bytes) };
    },
    async *fail({ code, message, reason, after }: Message) {
      for (let number = 1; number <= after; number++) yield { number };
      const info = registry().getMessage("google.rpc.ErrorInfo") as DescMessage;
      const details = [{ desc: info, value: create(info, { reason }) as never }];
      throw new ConnectError(message, code as Code, { "x-after": "1" }, details);
    },
    sleep: (_: Message, context: HandlerContext) =>
      new Promise((_resolve, reject) => {
        context.signal.addEventListener("abort", () => reject(new ConnectError("gone", Code.Canceled)));
      }),
  } as never);
}
