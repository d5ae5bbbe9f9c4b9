import { once } from "node:events";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { clusterNames, type Examples, manifestsBasePort, portOf, serverNames, startExamples } from "./examples.ts";
import { features } from "./features.ts";
import { packageDefinition } from "./protos.ts";

/** What grpc-js makes of a service: a method by name. */
type AnyClient = Record<string, (...args: unknown[]) => any> & { close(): void };

let examples: Examples;
const clients: AnyClient[] = [];

beforeAll(async () => {
  examples = await startExamples({ basePort: 0 });
});

afterAll(async () => {
  for (const each of clients) each.close();
  await examples.close();
});

const loaded = loadPackageDefinition(packageDefinition) as any;

function client(constructor: ServiceClientConstructor, port: number): AnyClient {
  const made = new constructor(`127.0.0.1:${port}`, credentials.createInsecure()) as unknown as AnyClient;
  clients.push(made);
  return made;
}

function unary(service: AnyClient, method: string, request: object, metadata = new Metadata()): Promise<any> {
  return new Promise((resolve, reject) =>
    service[method]!(request, metadata, (error: ServiceError | null, response: unknown) =>
      error ? reject(error) : resolve(response),
    ),
  );
}

async function all(call: any, ...messages: object[]): Promise<any[]> {
  for (const message of messages) call.write(message);
  if (messages.length > 0) call.end();
  const received: any[] = [];
  for await (const message of call) received.push(message);
  return received;
}

const echo = (environment: "echo-env1" | "echo-env2" = "echo-env1") =>
  client(loaded.edgeway.examples.v1.Echo, examples.east[environment].port);

test("the greeter greets once, several times, and each in turn", async () => {
  const greeter = client(loaded.helloworld.Greeter, examples.east.greeter.port);
  expect(await unary(greeter, "sayHello", { name: "Ada" })).toEqual({ message: "Hello Ada" });
  expect(await all(greeter["sayHelloStreamReply"]!({ name: "Ada" }))).toHaveLength(5);
  const greetings = await all(greeter["sayHelloBidiStream"]!(), { name: "Ada" }, { name: "Max" });
  expect(greetings).toEqual([{ message: "Hello Ada" }, { message: "Hello Max" }]);
});

test("the key-value store answers key by key", async () => {
  const store = client(loaded.keyvaluestore.KeyValueStore, examples.east["key-value-store"].port);
  const values = await all(store["getValues"]!(), { key: "key2" }, { key: "none" });
  expect(values).toEqual([{ value: "value2" }, { value: "" }]);
});

test("the route guide serves all four kinds of call", async () => {
  const guide = client(loaded.routeguide.RouteGuide, examples.east["route-guide"].port);
  const bern = features.find(({ name }) => name === "Bern")!;
  expect(await unary(guide, "getFeature", bern.location)).toEqual(bern);
  expect(await unary(guide, "getFeature", { latitude: 1, longitude: 2 })).toMatchObject({ name: "" });

  const world = { lo: { latitude: 9e8, longitude: 18e8 }, hi: { latitude: -9e8, longitude: -18e8 } };
  expect(await all(guide["listFeatures"]!(world))).toEqual(features);

  const summary = new Promise<any>((resolve) => {
    const call = guide["recordRoute"]!((_error: unknown, response: unknown) => resolve(response));
    for (const { location } of features) call.write(location);
    call.end();
  });
  expect(await summary).toMatchObject({ pointCount: features.length, featureCount: features.length });
  expect((await summary).distance).toBeGreaterThan(200_000);

  const note = (message: string) => ({ location: bern.location, message });
  const chat = await all(guide["routeChat"]!(), note("one"), note("two"));
  expect(chat.map(({ message }) => message)).toEqual(["one", "one", "two"]);
});

test("the echo tells where it runs and what it got", async () => {
  const metadata = new Metadata();
  metadata.set("env", "env2");
  metadata.set("trace-bin", Buffer.from([1, 2]));
  const said = await unary(echo("echo-env2"), "say", { message: "hello" }, metadata);
  expect(said).toMatchObject({ message: "hello", cluster: "east", environment: "env2" });
  expect(said.authority).toBe(`127.0.0.1:${examples.east["echo-env2"].port}`);
  expect(said.headers).toContainEqual({ name: "env", value: "env2" });
  expect(said.headers).toContainEqual({ name: "trace-bin", value: "AQI=" });
  expect(said).not.toHaveProperty("timeoutMillis");
});

test("the echo fails as told, with details", async () => {
  const call = echo()["fail"]!({ code: 9, message: "not yet", reason: "TOO_EARLY", after: 2 });
  const received: unknown[] = [];
  call.on("data", (message: unknown) => received.push(message));
  const [error] = await once(call, "error");
  expect(received).toEqual([{ number: 1 }, { number: 2 }]);
  expect(error).toMatchObject({ code: 9, details: "not yet" });
  expect(String(error.metadata.get("grpc-status-details-bin")[0])).toContain("TOO_EARLY");
});

test("the echo streams and collects as much as asked", async () => {
  const messages = await all(echo()["stream"]!({ count: 3, size: 1000 }));
  expect(messages.map(({ number, payload }) => [number, payload.length])).toEqual([1, 2, 3].map((n) => [n, 1000]));
  const summary = new Promise((resolve) => {
    const call = echo()["collect"]!((_error: unknown, response: unknown) => resolve(response));
    for (let i = 0; i < 3; i += 1) call.write({ payload: Buffer.alloc(1000) });
    call.end();
  });
  expect(await summary).toEqual({ messages: 3, bytes: 3000 });
});

test("the echo knows the calls that were given up", async () => {
  const service = echo();
  const before = await unary(service, "calls", {});
  const call = service["stream"]!({ count: 1000, size: 1, intervalMillis: 60_000 });
  call.on("error", () => {});
  await once(call, "data");
  expect(await unary(service, "calls", {})).toMatchObject({ open: before.open + 1 });
  call.cancel();
  await expect.poll(() => unary(service, "calls", {})).toEqual({ open: before.open, cancelled: before.cancelled + 1 });
});

test("a server can be stopped, and started again on its port", async () => {
  const { greeter } = examples.west;
  const service = client(loaded.helloworld.Greeter, greeter.port);
  await unary(service, "sayHello", { name: "Ada" });
  await greeter.stop();
  await expect(unary(service, "sayHello", { name: "Ada" })).rejects.toMatchObject({ code: 14 });
  await greeter.start();
  const patient = new Metadata({ waitForReady: true });
  expect(await unary(service, "sayHello", { name: "Ada" }, patient)).toEqual({ message: "Hello Ada" });
});

test("a taken port is an error of one line, and leaves nothing running", async () => {
  const { port } = examples.east.greeter;
  const basePort = port - (portOf("west", "http-echo", 0) - portOf("east", "greeter", 0));
  await expect(startExamples({ basePort })).rejects.toThrow(/^the example \S+ cannot listen on 127.0.0.1:\d+: /);
});

test.each(clusterNames)("every origin in the manifests of %s is the port of one of its servers", (cluster) => {
  const ports = serverNames.map((server) => `127.0.0.1:${portOf(cluster, server, manifestsBasePort)}`);
  const directory = join(import.meta.dirname, "../manifests", cluster);
  const files = globSync("*.yaml", { cwd: directory }).map((file) => readFileSync(join(directory, file), "utf8"));
  const origins = files.flatMap((text) =>
    [...text.matchAll(/edgeway\.dev\/origin: (\S+)/g)].map(([, origin]) => origin!),
  );
  expect(origins.length).toBeGreaterThan(0);
  for (const origin of origins) expect(ports).toContain(origin);
});
