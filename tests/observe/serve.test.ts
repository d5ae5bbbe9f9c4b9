/** `edgeway serve` as an operator sees it: by the commands that ask it, and by its metrics, with workers. */
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { selfSigned } from "../../cli/dev/front/certificates.ts";
import { echo } from "../../examples/services/echo.ts";
import { type ExampleServer, startGrpc } from "../../examples/services/servers.ts";
import { descriptorSet } from "../browser/chromium.ts";
import { echoClient, serviceName } from "../contract/clients.ts";
import { run } from "../dev/cli.ts";
import { until } from "../e2e/until.ts";
import { tableTo } from "../edges/table.ts";
import { portOf } from "../http2/subjects.ts";
import { type RunningServe, runServe, workersOf } from "../serve/serve.ts";
import { parsePrometheus } from "./prometheus.ts";

const consoleToken = "the-console-of-a-test";

let origin: ExampleServer;
let serve: RunningServe;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "edgeway-observe-"));
  await writeFile(join(directory, "token"), `${consoleToken}\n`);
  origin = await startGrpc("echo", 0, { [serviceName]: echo("east", "env1") });
  process.env["EDGEWAY_CONSOLE_TOKEN"] = consoleToken;
  process.env["EDGEWAY_ACCESS_LOG"] = "1";
  serve = await runServe(["--workers", "2"]);
  delete process.env["EDGEWAY_CONSOLE_TOKEN"];
  delete process.env["EDGEWAY_ACCESS_LOG"];
}, 60_000);
afterAll(async () => {
  await serve[Symbol.asyncDispose]();
  await origin.stop();
  await rm(directory, { recursive: true });
});

const url = () => `http://127.0.0.1:${serve.ports[0]}`;

/** Runs a command that asks the edge. */
async function asked(...args: string[]): Promise<{ code: number | NodeJS.Signals; out: string; err: string }> {
  const running = run("cli/main.ts", ...args, "--edge", url(), "--token-file", join(directory, "token"));
  const code = await running.exited;
  return { code, out: running.stdout(), err: running.stderr() };
}

test("status fails while no cluster has pushed", async () => {
  const { code, out } = await asked("status");
  expect([code, out.split("\n")[0]]).toEqual([1, "no cluster has pushed yet"]);
});

test("status has the clusters, and the calls of every worker", async () => {
  await serve.push(tableTo(serviceName, origin.port, descriptorSet()));
  const one = echoClient({ protocol: "Connect", httpVersion: "1.1" }, url());
  await expect.poll(async () => (await one["say"]!({ message: "a" })).message, { timeout: 5000 }).toBe("a");
  for (let i = 0; i < 19; i++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await one["say"]!({ message: "a" });
  }
  await expect
    .poll(async () => (await asked("status")).out, { timeout: 15_000, interval: 500 })
    .toMatch(/^(2\d|[3-9]\d) calls in the last 30 s, 0 errors/m);
  const { code, out } = await asked("status");
  expect(code).toBe(0);
  expect(out).toMatch(
    /^CLUSTER +REVISION +LAST PUSH +LAST HEARD +ROUTES +WITHHELD +BACKENDS +STATE\ntest +1 +\d+ s ago +\d+ s ago +1 +0 +1 +serves$/m,
  );
  expect(out).not.toContain("\u001b");
  const json = JSON.parse((await asked("status", "--json")).out);
  expect(json).toMatchObject({
    clusters: [{ cluster: "test", lastResort: false }],
    pushes: { counts: { accepted: 1 } },
  });
  expect(json.pushes.recent[0].routes.added).toEqual(["GRPCRoute/default/test"]);
}, 60_000);

test("routes lists the rules, those with the words alone if there are some", async () => {
  const { code, out } = await asked("routes");
  expect([code, out.split("\n")[1]]).toEqual([
    0,
    `*     /${serviceName}/(method)  test/default/test:1  -        test: GRPCRoute default/test rule 0`,
  ]);
  expect(await asked("routes", "nothing", "such")).toMatchObject({ code: 1, out: "no rule\n" });
  expect(JSON.parse((await asked("routes", "--json", "echo")).out).rows).toHaveLength(1);
});

test("explain asks the edge's own table", async () => {
  const { code, out } = await asked("explain", `${serviceName}/Say`);
  expect(code).toBe(0);
  expect(out).toContain("goes by test: GRPCRoute default/test, rule 0, for any host");
  expect(out).toContain(`100 % to test/default/test:1 (grpc)\n    at 127.0.0.1:${origin.port}`);
  expect(await asked("explain", "https://a.test/nowhere")).toMatchObject({ code: 1 });
  expect(JSON.parse((await asked("explain", "--json", "a/b")).out)).toMatchObject({ revision: "1", winner: null });
});

async function scrape() {
  const headers = { authorization: `Bearer ${consoleToken}` };
  return parsePrometheus(await (await fetch(`${url()}/_edgeway/metrics`, { headers })).text());
}

test("metrics are those of every worker", async () => {
  const scraped = await scrape();
  const { samples } = scraped.get("edgeway_rpc_server_duration_seconds")!;
  expect(samples.find(({ name }) => name.endsWith("_count"))!.value).toBeGreaterThanOrEqual(20);
  expect(scraped.get("edgeway_cluster_revision")!.samples).toMatchObject([{ labels: { cluster: "test" }, value: 1 }]);
});

test("metrics have the version, and memory, CPU and age of the first process and of every worker", async () => {
  const pids = [serve.process.pid!, ...workersOf(serve)].map(String);
  const samplesOf = async (name: string) => (await scrape()).get(name)!.samples;
  const told = async () => (await samplesOf("process_resident_memory_bytes")).map(({ labels }) => labels["pid"]);
  await expect.poll(async () => new Set(await told()), { timeout: 10_000 }).toEqual(new Set(pids));
  for (const { value } of await samplesOf("process_resident_memory_bytes")) expect(value).toBeGreaterThan(10_000_000);
  for (const { value } of await samplesOf("process_cpu_seconds_total")) expect(value).toBeGreaterThan(0.01);
  for (const { value } of await samplesOf("process_start_time_seconds"))
    expect(Math.abs(value - Date.now() / 1000)).toBeLessThan(300);
  expect(await samplesOf("edgeway_build_info")).toMatchObject([{ labels: { version: expect.any(String) }, value: 1 }]);
});

test("connections of workers that are gone are counted no more; their calls still are", async () => {
  const connections = async () => (await scrape()).get("edgeway_pool_connections")!.samples;
  expect(await connections()).not.toEqual([]);
  serve.process.kill("SIGHUP");
  await until(
    () => serve.stderr().includes("reloaded"),
    () => serve.stderr(),
  );
  await expect.poll(connections, { timeout: 10_000 }).toEqual([]);
  const { samples } = (await scrape()).get("edgeway_rpc_server_duration_seconds")!;
  expect(samples.find(({ name }) => name.endsWith("_count"))!.value).toBeGreaterThanOrEqual(20);
}, 30_000);

test("the access log is on standard output, a line for each call", () => {
  const lines = serve
    .stdout()
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.length).toBeGreaterThanOrEqual(20);
  expect(lines.at(-1)).toMatchObject({ backend: "test/default/test:1", revision: "1" });
});

test.each([
  [["status"], "takes --edge"],
  [["status", "--edge", "ftp://x"], "--edge takes a URL"],
  [["routes"], "takes --manifests"],
  [["explain", "a/b", "--manifests", "x", "--edge", "http://x"], "takes --manifests"],
  [["status", "--edge", "http://127.0.0.1:1"], "the edge wants a token"],
])("%j is answered in one line", async (args, message) => {
  const running = run("cli/main.ts", ...args);
  expect(await running.exited).toBe(1);
  expect(running.stderr()).toContain(message);
  expect(running.stderr().trim().split("\n")).toHaveLength(1);
});

/** The URL of a server that is no edge. */
async function answering(status: number): Promise<string> {
  const server = createHttpServer((_, response) => response.writeHead(status).end('{"hello":"world"}'));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${portOf(server)}`;
}

test("an edge that is away, takes no such token, or is none, is named in one line", async () => {
  await writeFile(join(directory, "wrong"), "another");
  for (const [edge, message] of [
    [url(), "does not take this token"],
    ["http://127.0.0.1:1", "cannot be reached"],
    [await answering(200), "does not answer as an edge does"],
    [await answering(404), "has no console: .* \\(serve --admin\\)"],
  ]) {
    const running = run("cli/main.ts", "status", "--edge", edge!, "--token-file", join(directory, "wrong"));
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect(await running.exited).toBe(1);
    expect(running.stderr()).toMatch(new RegExp(`^edgeway status: ${edge} ${message}.*\n$`));
  }
});

test("an edge with a certificate of a private CA is asked once the CA is named, as the error says", async () => {
  const { cert, key } = await selfSigned();
  const ca = join(directory, "ca.pem");
  await writeFile(ca, cert);
  const server = createServer({ cert, key }, (_, response) => void response.end("{}"));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const edge = `https://127.0.0.1:${portOf(server)}`;
  const routes = async () => {
    const running = run("cli/main.ts", "routes", "--edge", edge, "--token-file", join(directory, "token"));
    await running.exited;
    return running.stderr();
  };
  try {
    expect(await routes()).toContain(`${edge} cannot be reached: the issuer of its certificate is not trusted: name`);
    expect(await routes()).toContain("by the variable NODE_EXTRA_CA_CERTS");
    process.env["NODE_EXTRA_CA_CERTS"] = ca;
    expect(await routes()).not.toContain("cannot be reached");
  } finally {
    delete process.env["NODE_EXTRA_CA_CERTS"];
    server.close();
  }
});
