/** The example services as two clusters run them. */
import { echo } from "./echo.ts";
import { greeter } from "./greeter.ts";
import { httpEcho } from "./http-echo.ts";
import { keyValueStore } from "./key-value-store.ts";
import { routeGuide } from "./route-guide.ts";
import { startGrpc, startHttp, type ExampleServer } from "./servers.ts";

export const clusterNames = ["east", "west"] as const;
export type ClusterName = (typeof clusterNames)[number];

/** One per Kubernetes Service, in the order of their ports. */
export const serverNames = [
  "greeter",
  "route-guide",
  "key-value-store",
  "echo-env1",
  "echo-env2",
  "catalog",
  "http-echo",
] as const;
export type ServerName = (typeof serverNames)[number];

export type Cluster = Readonly<Record<ServerName, ExampleServer>>;

export interface Examples extends Readonly<Record<ClusterName, Cluster>> {
  close(): Promise<void>;
}

/** The port that ../manifests names for the first server of the first cluster. */
export const manifestsBasePort = 50100;

const portsPerCluster = 10;

/** The port of a server when all are counted from `basePort`. */
export function portOf(cluster: ClusterName, server: ServerName, basePort: number): number {
  return basePort + clusterNames.indexOf(cluster) * portsPerCluster + serverNames.indexOf(server);
}

/**
 * Starts every server of both clusters on 127.0.0.1.
 *
 * @param basePort what ports are counted from, or 0: any free ones
 * @throws Error in one line if a port is taken; then none is left running
 */
export async function startExamples({ basePort = manifestsBasePort } = {}): Promise<Examples> {
  const started: ExampleServer[] = [];
  const close = async () => {
    await Promise.all(started.map((server) => server.stop()));
  };

  async function startCluster(cluster: ClusterName): Promise<Cluster> {
    const servers: [ServerName, ExampleServer][] = [];
    for (const name of serverNames) {
      const port = basePort === 0 ? 0 : portOf(cluster, name, basePort);
      const server = await startServer(cluster, name, port);
      started.push(server);
      servers.push([name, server]);
    }
    return Object.fromEntries(servers) as Cluster;
  }

  try {
    const east = await startCluster("east");
    const west = await startCluster("west");
    return { east, west, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const echoService = "edgeway.examples.v1.Echo";
const catalog = ["helloworld.Greeter", "routeguide.RouteGuide", "keyvaluestore.KeyValueStore", echoService];

function startServer(cluster: ClusterName, name: ServerName, port: number): Promise<ExampleServer> {
  const label = `${cluster}/${name}`;
  if (name === "http-echo") return startHttp(label, port, () => httpEcho(cluster));
  if (name === "catalog") return startGrpc(label, port, {}, catalog);
  return startGrpc(label, port, implementationOf(cluster)[name]);
}

function implementationOf(cluster: ClusterName) {
  return {
    greeter: { "helloworld.Greeter": greeter },
    "route-guide": { "routeguide.RouteGuide": routeGuide() },
    "key-value-store": { "keyvaluestore.KeyValueStore": keyValueStore },
    "echo-env1": { [echoService]: echo(cluster, "env1") },
    "echo-env2": { [echoService]: echo(cluster, "env2") },
  };
}
