/** Example servers that can be stopped and started again on the port they had. */
import { once } from "node:events";
import type { Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  logVerbosity,
  Server,
  ServerCredentials,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation, type ServingStatus } from "grpc-health-check";
import { packageDefinition, service } from "./protos.ts";

export interface ExampleServer {
  /** On 127.0.0.1. */
  readonly port: number;
  /** Breaks off what is in progress and closes the port, as a killed process would. */
  stop(): Promise<void>;
  /** Serves on the same port again. */
  start(): Promise<void>;
}

export interface GrpcExampleServer extends ExampleServer {
  /** What its health service says of a service from now on, until it is started again. */
  setStatus(of: string, status: ServingStatus): void;
}

const host = "127.0.0.1";

// A port that is taken is reported by the error alone.
setLogVerbosity(logVerbosity.NONE);

/**
 * Serves `implementations`, by service name, with health and with reflection (v1 and v1alpha) for `reflected`, or for
 * themselves.
 *
 * @param name what to call the server if its port is taken
 * @param port 0 for any
 */
export async function startGrpc(
  name: string,
  port: number,
  implementations: Readonly<Record<string, UntypedServiceImplementation>>,
  reflected: readonly string[] = Object.keys(implementations),
): Promise<GrpcExampleServer> {
  async function listen(onPort: number): Promise<[server: Server, port: number, health: HealthImplementation]> {
    const server = new Server();
    for (const [fullName, implementation] of Object.entries(implementations)) {
      server.addService(service(fullName), implementation);
    }
    new ReflectionService(packageDefinition, { services: [...reflected] }).addToServer(server);
    const serving = [...Object.keys(implementations), ""].map((fullName) => [fullName, "SERVING" as const]);
    const health = new HealthImplementation(Object.fromEntries(serving));
    health.addToServer(server);
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`${host}:${onPort}`, ServerCredentials.createInsecure(), (error, actual) =>
        error ? reject(cannotListen(name, onPort, error)) : resolve(actual),
      );
    });
    return [server, bound, health];
  }

  let [server, bound, health] = await listen(port);
  return {
    port: bound,
    stop: async () => server.forceShutdown(),
    start: async () => {
      [server, , health] = await listen(bound);
    },
    setStatus: (of, status) => health.setStatus(of, status),
  };
}

/** Serves HTTP/1.1 with what `create` makes. */
export async function startHttp(name: string, port: number, create: () => HttpServer): Promise<ExampleServer> {
  async function listen(onPort: number): Promise<HttpServer> {
    const server = create().listen(onPort, host);
    try {
      await once(server, "listening");
    } catch (error) {
      throw cannotListen(name, onPort, error as Error);
    }
    return server;
  }

  let server = await listen(port);
  const { port: bound } = server.address() as AddressInfo;
  return {
    port: bound,
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
    start: async () => {
      server = await listen(bound);
    },
  };
}

function cannotListen(name: string, port: number, cause: Error): Error {
  const reason = cause.message.includes("EADDRINUSE") ? "the port is taken" : cause.message;
  return new Error(`the example ${name} cannot listen on ${host}:${port}: ${reason}`, { cause });
}
