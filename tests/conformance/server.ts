/**
 * What the runner starts as the server under test, once for each kind of server: the suite's own server in the clear, with
 * Edgeway before it. server.ts HOST ORIGIN PROTOCOL HTTP [DESCRIPTORS], where ORIGIN is the suite's server program,
 * PROTOCOL and HTTP (1 or 2) are what it speaks, and DESCRIPTORS is a file with what JSON is translated by.
 */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { edges } from "../edges/edges.ts";
import { tableTo } from "../edges/table.ts";
import {
  decodeServerRequest,
  decodeServerResponse,
  delimited,
  encodeServerRequest,
  encodeServerResponse,
  HttpVersion,
  originSpeaks,
  Protocol,
  type ProtocolName,
  readOne,
  service,
} from "./messages.ts";

const [host, program, protocol, http, descriptorsFile] = process.argv.slice(2);
const request = decodeServerRequest(await readOne(process.stdin));

const origin = spawn(program!, { stdio: ["pipe", "pipe", "inherit"] });
process.on("exit", () => origin.kill());
const ending = new AsyncDisposableStack();
const stop = () => {
  ending.disposeAsync().then(
    () => process.exit(0),
    () => process.exit(1),
  );
};
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, stop);
// A runner that is killed itself leaves its servers behind.
const runner = process.ppid;
setInterval(() => process.ppid === runner || stop(), 1000).unref();

const originProtocol = Protocol[protocol as ProtocolName];
const httpVersion = http === "1" ? HttpVersion.HTTP_1 : HttpVersion.HTTP_2;
const originRequest = { ...request, protocol: originProtocol, httpVersion, tls: undefined };
origin.stdin.end(delimited(encodeServerRequest(originRequest)));
const { port } = decodeServerResponse(await readOne(origin.stdout));

const descriptors = descriptorsFile === undefined ? undefined : await readFile(descriptorsFile);
const edge = await edges[host!]!(
  tableTo(service, port, descriptors, originSpeaks(originProtocol, httpVersion)),
  request.tls,
);
ending.defer(() => edge.close());
const edgePort = request.protocol === Protocol.GRPC ? (edge.grpcPort ?? edge.port) : edge.port;
process.stdout.write(delimited(encodeServerResponse({ host: "127.0.0.1", port: edgePort, cert: request.tls?.cert })));
