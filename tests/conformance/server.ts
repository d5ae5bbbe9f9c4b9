/**
 * What the runner starts as the server under test, once for each kind of server: the suite's own server, speaking gRPC in
 * the clear, with Edgeway before it. server.ts HOST ORIGIN [DESCRIPTORS], where ORIGIN is
 * the suite's server program and DESCRIPTORS a file with what JSON is translated by.
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
  Protocol,
  readOne,
  service,
} from "./messages.ts";

const [host, program, descriptorsFile] = process.argv.slice(2);
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

const originRequest = { ...request, protocol: Protocol.GRPC, httpVersion: HttpVersion.HTTP_2, tls: undefined };
origin.stdin.end(delimited(encodeServerRequest(originRequest)));
const { port } = decodeServerResponse(await readOne(origin.stdout));

const descriptors = descriptorsFile === undefined ? undefined : await readFile(descriptorsFile);
const edge = await edges[host!]!(tableTo(service, port, descriptors), request.tls);
ending.defer(() => edge.close());
const edgePort = request.protocol === Protocol.GRPC ? (edge.grpcPort ?? edge.port) : edge.port;
process.stdout.write(delimited(encodeServerResponse({ host: "127.0.0.1", port: edgePort, cert: request.tls?.cert })));
