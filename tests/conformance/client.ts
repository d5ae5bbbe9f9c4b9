/**
 * What the runner starts as the client under test: the suite's own client, with Edgeway between it and the suite's server,
 * which here plays a misbehaving origin. client.ts HOST PROTOCOL CLIENT [DESCRIPTORS], where PROTOCOL is what the client
 * speaks to Edgeway, CLIENT is the suite's client program, and DESCRIPTORS is a file with those of the suite's service.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { edges, type EdgeUnderTest } from "../edges/edges.ts";
import { delimited, Protocol, type ProtocolName, readDelimited, redirectClientRequest, service } from "./messages.ts";
import { tableTo } from "../edges/table.ts";

const [host, protocol, program, descriptorsFile] = process.argv.slice(2);
const descriptors = descriptorsFile === undefined ? undefined : await readFile(descriptorsFile);
const client = spawn(program!, { stdio: ["pipe", "inherit", "inherit"] });
/** By the port of the server behind. */
const started = new Map<number, Promise<EdgeUnderTest>>();

for await (const request of readDelimited(process.stdin)) {
  const redirected = await redirectClientRequest(request, async (port, speaks) => {
    const edge = started.get(port) ?? edges[host!]!(tableTo(service, port, descriptors, speaks), undefined);
    started.set(port, edge);
    return { port: (await edge).port, protocol: Protocol[protocol as ProtocolName] };
  });
  client.stdin.write(delimited(redirected));
}
const exited = once(client, "exit");
client.stdin.end();
const [code] = (await exited) as [number | null];
await Promise.all([...started.values()].map(async (edge) => (await edge).close()));
process.exit(code ?? 1);
