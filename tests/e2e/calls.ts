import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { features } from "../../examples/services/features.ts";
import { root } from "../dev/cli.ts";
import { type AnyClient, collect, connectClient, GrpcClient, Requests, sequence } from "./clients.ts";
import { edge } from "./edge.ts";

const run = promisify(execFile);
const bern = features.find(({ name }) => name === "Bern")!;

const serviceNames = [
  "edgeway.examples.v1.Echo",
  "helloworld.Greeter",
  "keyvaluestore.KeyValueStore",
  "routeguide.RouteGuide",
];

const speakers: Readonly<Record<string, () => AnyClient>> = {
  "gRPC by grpc-js": () => new GrpcClient(edge),
  "gRPC-Web by connect-node": () => connectClient("grpc-web", edge.tlsPort),
  "Connect by connect-node": () => connectClient("connect", edge.tlsPort),
};

/** A program of `directories`, or undefined. */
function find(program: string, directories: readonly string[]): string | undefined {
  return directories.map((directory) => join(directory, program)).find((path) => existsSync(path));
}

export function calls(): void {
  describe("reflection", reflection);
  describe("commands", commands);

  describe.each(Object.keys(speakers))("%s", (name) => {
    let client: AnyClient;
    beforeAll(() => {
      client = speakers[name]!();
    });
    afterAll(() => client.close());
    everyKind(() => client);
  });
}

function reflection(): void {
  test("buf curl lists the services, and calls one of them, with each protocol", async () => {
    const buf = join(root, "node_modules/.bin/buf");
    const url = `https://localhost:${edge.tlsPort}`;
    const listed = await run(buf, ["curl", "-k", "--protocol", "grpc", "--list-services", url]);
    expect(listed.stdout.trim().split("\n")).toEqual(expect.arrayContaining(serviceNames));
    const greetings = ["grpc", "grpcweb", "connect"].map(async (protocol) => {
      const target = `${url}/helloworld.Greeter/SayHello`;
      const { stdout } = await run(buf, ["curl", "-k", "--protocol", protocol, "-d", '{"name":"Ada"}', target]);
      return JSON.parse(stdout).message;
    });
    expect(await Promise.all(greetings)).toEqual(["Hello Ada", "Hello Ada", "Hello Ada"]);
  });

  test("grpcurl lists the services, and calls one of them, over TLS and in the clear", async ({ skip }) => {
    const directories = [join(root, ".cache/go/bin"), ...process.env["PATH"]!.split(delimiter)];
    const grpcurl = find("grpcurl", directories);
    if (grpcurl === undefined) return skip("grpcurl is neither in PATH nor in .cache/go/bin");
    const tls = `localhost:${edge.tlsPort}`;
    const listed = await run(grpcurl, ["-insecure", tls, "list"]);
    expect(listed.stdout.trim().split("\n")).toEqual(expect.arrayContaining(serviceNames));
    const greeting = await run(grpcurl, ["-insecure", "-d", '{"name":"Ada"}', tls, "helloworld.Greeter/SayHello"]);
    expect(JSON.parse(greeting.stdout)).toEqual({ message: "Hello Ada" });
    const clear = `localhost:${edge.clearPort}`;
    const said = await run(grpcurl, ["-plaintext", "-H", "env: env2", clear, "edgeway.examples.v1.Echo/Say"]);
    expect(JSON.parse(said.stdout)).toMatchObject({ environment: "env2" });
  });
}

function commands(): void {
  test("a Python client calls three services over one channel", async ({ skip }) => {
    const able = await run("python3", ["-c", "import grpc_reflection"]).then(
      () => true,
      () => false,
    );
    if (!able) return skip("python3 has no grpcio-reflection");
    const directory = await mkdtemp(join(tmpdir(), "edgeway-python-"));
    const certificate = join(directory, "localhost.pem");
    await writeFile(certificate, await certificateOf(edge.tlsPort));
    const script = join(root, "tests/e2e/route_guide_client.py");
    const { stdout } = await run("python3", [script, String(edge.tlsPort), certificate]);
    await rm(directory, { recursive: true });
    expect(JSON.parse(stdout)).toEqual({
      features: features.length,
      same: true,
      points: 2,
      chat: "second",
      greeting: "Hello Ada",
      failure: ["NOT_FOUND", "no such thing"],
    });
  });

  test("curl calls with JSON, and by a REST path", async ({ skip }) => {
    const curl = find("curl", process.env["PATH"]!.split(delimiter));
    if (curl === undefined) return skip("curl is not in PATH");
    const url = `https://localhost:${edge.tlsPort}`;
    const json = ["-H", "content-type: application/json", "-d", '{"name":"Ada"}'];
    const greeting = await run(curl, ["-sk", ...json, `${url}/helloworld.Greeter/SayHello`]);
    expect(JSON.parse(greeting.stdout)).toEqual({ message: "Hello Ada" });
    const { latitude, longitude } = bern.location;
    const feature = await run(curl, ["-sk", `${url}/routeguide/features/${latitude}/${longitude}`]);
    expect(JSON.parse(feature.stdout)).toMatchObject({ name: "Bern" });
  });
}

/** The certificate that the edge shows for localhost, PEM. */
async function certificateOf(port: number): Promise<string> {
  const socket = connect({ port, host: "localhost", servername: "localhost", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return `-----BEGIN CERTIFICATE-----\n${raw.toString("base64")}\n-----END CERTIFICATE-----\n`;
}

function everyKind(client: () => AnyClient): void {
  test("a unary call", async () => {
    expect(await client().unary("routeguide.RouteGuide/GetFeature", bern.location)).toMatchObject({ name: "Bern" });
  });

  test("a server stream", async () => {
    const world = { lo: { latitude: 9e8, longitude: 18e8 }, hi: { latitude: -9e8, longitude: -18e8 } };
    const found = await collect(client().stream("routeguide.RouteGuide/ListFeatures", sequence(world)));
    expect(found.map(({ name }) => name)).toEqual(features.map(({ name }) => name));
  });

  test("a client stream", async () => {
    const points = sequence(...features.map(({ location }) => location));
    const [summary] = await collect(client().stream("routeguide.RouteGuide/RecordRoute", points));
    expect(summary).toMatchObject({ pointCount: features.length, featureCount: features.length });
  });

  test("a stream both ways: each answer arrives before the next request is sent", async () => {
    const sent = new Requests();
    const answers = client().stream("keyvaluestore.KeyValueStore/GetValues", sent);
    for (const number of [1, 2, 3]) {
      sent.push({ key: `key${number}` });
      expect((await answers.next()).value).toMatchObject({ value: `value${number}` });
    }
    sent.end();
    expect(await answers.next()).toMatchObject({ done: true });
  });

  test("an error that the service itself gives", async () => {
    const fail = sequence({ code: 9, message: "nicht jetzt – später", reason: "TOO_EARLY", after: 2 });
    const answers = client().stream("edgeway.examples.v1.Echo/Fail", fail);
    expect([await answers.next(), await answers.next()]).toMatchObject([
      { value: { number: 1 } },
      { value: { number: 2 } },
    ]);
    await expect(answers.next()).rejects.toMatchObject({
      code: 9,
      message: expect.stringContaining("nicht jetzt – später"),
    });
  });
}
