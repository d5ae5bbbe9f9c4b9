import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
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
