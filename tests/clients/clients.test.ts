/** Clients as their users have them, before the Node host: over TLS, with JSON and REST by descriptors. */
import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { selfSigned } from "../../cli/dev/front/certificates.ts";
import { echo } from "../../examples/services/echo.ts";
import { features } from "../../examples/services/features.ts";
import { greeter } from "../../examples/services/greeter.ts";
import { routeGuide } from "../../examples/services/route-guide.ts";
import { type ExampleServer, startGrpc } from "../../examples/services/servers.ts";
import { OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import { root } from "../dev/cli.ts";
import { collect, GrpcClient, sequence } from "../e2e/clients.ts";
import { edges, type EdgeUnderTest } from "../edges/edges.ts";
import { anyCallTo } from "../edges/table.ts";
import { goCache } from "../go-tool.ts";

const run = promisify(execFile);
const buf = join(root, "node_modules/.bin/buf");

/** Where `program` is installed, if it is. */
function find(program: string): string | undefined {
  const folders = [goCache, join(root, ".cache/python/bin"), ...(process.env["PATH"] ?? "").split(delimiter)];
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

let origin: ExampleServer;
let edge: EdgeUnderTest;
let folder: string;
let certificate: string;
let descriptors: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "edgeway-clients-"));
  descriptors = join(folder, "descriptors.binpb");
  const build = ["build", join(root, "examples/proto"), "--as-file-descriptor-set", "-o", "-"];
  const set = execFileSync(buf, build);
  await writeFile(descriptors, set);
  origin = await startGrpc("clients' origin", 0, {
    "edgeway.examples.v1.Echo": echo("east", "env1"),
    "helloworld.Greeter": greeter,
    "routeguide.RouteGuide": routeGuide(),
  });
  const credentials = await selfSigned();
  certificate = join(folder, "localhost.pem");
  await writeFile(certificate, credentials.cert);
  edge = await edges["node"]!(anyCallTo(origin.port, OriginProtocol.GRPC, set), credentials);
});
afterAll(async () => {
  await edge.close();
  await origin.stop();
  await rm(folder, { recursive: true });
});

const ada = '{"name":"Ada"}';
const greet = "helloworld.Greeter/SayHello";

test("grpc-js: all kinds of calls, and an error", async () => {
  const client = new GrpcClient({ tlsPort: edge.port });
  expect(await client.unary(greet, { name: "Ada" })).toEqual({ message: "Hello Ada" });
  const world = { lo: { latitude: 9e8, longitude: 18e8 }, hi: { latitude: -9e8, longitude: -18e8 } };
  expect(await collect(client.stream("routeguide.RouteGuide/ListFeatures", sequence(world)))).toHaveLength(
    features.length,
  );
  const points = sequence(...features.map(({ location }) => location));
  const [summary] = await collect(client.stream("routeguide.RouteGuide/RecordRoute", points));
  expect(summary).toMatchObject({ pointCount: features.length });
  const chat = await collect(client.stream("edgeway.examples.v1.Echo/Chat", sequence({ text: "a" }, { text: "b" })));
  expect(chat).toMatchObject([{ text: "a" }, { text: "b" }]);
  await expect(client.unary("edgeway.examples.v1.Echo/NoSuch", {})).rejects.toMatchObject({ code: 12 });
  client.close();
});

const goClient = find("grpc-go-client");
test.skipIf(goClient === undefined)(
  "grpc-go (if built): all kinds of calls, an error, a deadline, a cancellation",
  async () => {
    const { stdout } = await run(goClient!, [`localhost:${edge.port}`, certificate, descriptors]);
    expect(JSON.parse(stdout)).toEqual({
      say: ["hello", ["2"]],
      stream: 200,
      collect: 60,
      chat: ["0", "1", "2"],
      fail: [2, "FailedPrecondition", "später", 1],
      deadline: "DeadlineExceeded",
      cancel: "Canceled",
    });
  },
);

test("Python's grpcio (if installed): three services over one channel", async ({ skip }) => {
  const python = find("python3");
  const able =
    python !== undefined &&
    (await run(python, ["-c", "import grpc_reflection"]).then(
      () => true,
      () => false,
    ));
  if (!able) return skip("python3 has no grpcio-reflection");
  const { stdout } = await run(python, [join(root, "tests/e2e/route_guide_client.py"), String(edge.port), certificate]);
  expect(JSON.parse(stdout)).toMatchObject({
    greeting: "Hello Ada",
    points: 2,
    failure: ["NOT_FOUND", "no such thing"],
  });
});

const grpcurl = find("grpcurl");
test.skipIf(grpcurl === undefined)("grpcurl (if installed): reflection and a call", async () => {
  const tls = ["-cacert", certificate];
  const listed = await run(grpcurl!, [...tls, `localhost:${edge.port}`, "list"]);
  expect(listed.stdout.split("\n")).toContain("helloworld.Greeter");
  const greeting = await run(grpcurl!, [...tls, "-d", ada, `localhost:${edge.port}`, greet]);
  expect(JSON.parse(greeting.stdout)).toEqual({ message: "Hello Ada" });
});

test.each(["grpc", "grpcweb", "connect"])("buf curl in %s", async (protocol) => {
  const target = `https://localhost:${edge.port}/${greet}`;
  const { stdout } = await run(buf, ["curl", "--cacert", certificate, "--protocol", protocol, "-d", ada, target]);
  expect(JSON.parse(stdout)).toEqual({ message: "Hello Ada" });
});

const curl = find("curl");
describe.skipIf(curl === undefined)("curl (if installed)", () => {
  const ask = async (...options: string[]) => (await run(curl!, ["-sS", "--cacert", certificate, ...options])).stdout;
  const url = (path: string) => `https://localhost:${edge.port}/${path}`;
  const json = ["-H", "content-type: application/json"];

  test.each(["--http1.1", "--http2"])("%s: JSON by POST and by GET, and a REST path", async (version) => {
    expect(await ask(version, ...json, "-d", ada, url(greet))).toBe('{"message":"Hello Ada"}');
    const say = `edgeway.examples.v1.Echo/Say?encoding=json&message=${encodeURIComponent('{"message":"hi"}')}`;
    expect(JSON.parse(await ask(version, url(say)))).toMatchObject({ message: "hi" });
    const { location, name } = features[0]!;
    const path = `routeguide/features/${location.latitude}/${location.longitude}`;
    expect(JSON.parse(await ask(version, url(path)))).toMatchObject({ name });
  });

  test.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
    ["zstd", zstdCompressSync],
  ])("JSON that is translated may be compressed with %s", async (name, compress) => {
    const file = join(folder, `request.${name}`);
    await writeFile(file, compress(ada));
    const options = ["-H", `content-encoding: ${name}`, "--data-binary", `@${file}`];
    expect(await ask(...json, ...options, url(greet))).toBe('{"message":"Hello Ada"}');
  });

  test("GET of a method that may have side effects is refused", async () => {
    const path = `${greet}?connect=v1&encoding=json&message=${encodeURIComponent(ada)}`;
    const answer = await ask("-i", "--http1.1", url(path));
    expect(answer).toMatch(/^HTTP\/1.1 405 [^]*\r\nallow: POST\r\n[^]*NO_SIDE_EFFECTS/);
  });
});
