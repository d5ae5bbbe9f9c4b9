/** What operators see of calls: metrics, the access log, traces, and the decision in an answer. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EchoClient, echoClient } from "../contract/clients.ts";
import { root } from "../dev/cli.ts";
import { type ObservedEdge, startObservedEdge, token } from "./edge.ts";
import { parsePrometheus, type Scraped } from "./prometheus.ts";

let edge: ObservedEdge;
let grpc: EchoClient;
let web: EchoClient;
let connect: EchoClient;
beforeAll(async () => {
  edge = await startObservedEdge();
  grpc = echoClient({ protocol: "gRPC", httpVersion: "2" }, edge.url);
  web = echoClient({ protocol: "gRPC-Web", httpVersion: "1.1" }, edge.url);
  connect = echoClient({ protocol: "Connect", httpVersion: "1.1" }, edge.url);
});
afterAll(() => edge.close());

const route = "test/GRPCRoute/default/test/0";
const backend = "test/default/test:1";

const line = (path: string) =>
  edge.lines.map((text) => JSON.parse(text) as Record<string, unknown>).findLast((entry) => entry["path"] === path);

async function collect(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const messages = [];
  for await (const message of stream) messages.push(message);
  return messages;
}

describe("metrics", () => {
  const scrape = async () => parsePrometheus(await (await edge.ask("/metrics")).text());
  const calls = (families: ReadonlyMap<string, Scraped>, labels: Record<string, string>) =>
    families
      .get("edgeway_rpc_server_duration_seconds")!
      .samples.find((each) => each.name.endsWith("_count") && expectIn(each.labels, labels))?.value;
  const expectIn = (all: Record<string, string>, some: Record<string, string>) =>
    Object.entries(some).every(([name, value]) => all[name] === value);

  test("calls are counted by route, backend, protocol and status", async () => {
    await grpc["say"]!({ message: "a" });
    await connect["say"]!({ message: "a" });
    await collect(web["stream"]!({ count: 3, size: 100 }));
    await expect(collect(grpc["fail"]!({ code: 5, message: "no" }))).rejects.toThrow("no");
    await (await fetch(`${edge.url}/nobody/here`)).text();
    const expected: Record<string, string>[] = [
      { route, backend, protocol: "grpc", rpc_system: "grpc", rpc_grpc_status_code: "0" },
      { route, backend, protocol: "grpc", rpc_grpc_status_code: "5" },
      { route, backend, protocol: "grpc-web", rpc_grpc_status_code: "0" },
      { route, backend, protocol: "connect-unary", rpc_system: "connect_rpc", rpc_grpc_status_code: "0" },
      { route: "", backend: "", protocol: "http", http_response_status_code: "404" },
    ];
    await expect
      .poll(async () => await scrape().then((all) => expected.map((labels) => calls(all, labels))), { timeout: 5000 })
      .toEqual([1, 1, 1, 1, 1]);
  });

  test("histograms add up, and say in which unit", async () => {
    const { type, samples } = (await scrape()).get("edgeway_rpc_server_duration_seconds")!;
    expect(type).toBe("histogram");
    const own = samples.filter(({ labels }) => labels["protocol"] === "grpc" && labels["rpc_grpc_status_code"] === "0");
    const buckets = own.filter(({ name }) => name.endsWith("_bucket")).map(({ value }) => value);
    expect(buckets).toEqual(buckets.toSorted((a, b) => a - b));
    expect(own.find(({ name }) => name.endsWith("_count"))!.value).toBe(buckets.at(-1));
    expect(own.find(({ name }) => name.endsWith("_sum"))!.value).toBeLessThan(5);
  });

  test("calls under way, connections and pushes are there", async () => {
    const stop = new AbortController();
    const stream = collect(grpc["stream"]!({ count: 1000, size: 1, intervalMillis: 50 }, { signal: stop.signal }));
    stream.catch(() => {}); // it is looked at below
    const valueOf = async (name: string, labels: Record<string, string> = {}) =>
      (await scrape()).get(name)!.samples.find((each) => expectIn(each.labels, labels))?.value;
    await expect.poll(() => valueOf("edgeway_rpc_server_active_requests", { route }), { timeout: 5000 }).toBe(1);
    expect(await valueOf("edgeway_pool_connections", { server_address: "127.0.0.1" })).toBe(1);
    expect(await valueOf("edgeway_pushes_total", { outcome: "refused" })).toBe(1);
    expect(await valueOf("edgeway_http2_limits_passed_total", { limit: "resetBurst" })).toBe(0);
    stop.abort();
    await expect(stream).rejects.toThrow();
    await expect.poll(() => valueOf("edgeway_rpc_server_active_requests"), { timeout: 5000 }).toBeUndefined();
  });

  test("whoever has not got the token gets none of it", async () => {
    for (const path of ["/metrics", "/explain?url=http://a/", "/api/overview", "/api/routes", "/api/services"]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { status } = await edge.ask(path, "another");
      expect([path, status]).toEqual([path, 401]);
    }
  });
});

describe("the access log", () => {
  const validate = new Ajv2020().compile(JSON.parse(readFileSync(join(root, "docs/access-log.schema.json"), "utf8")));

  test("a line has what became of the call, by its schema, and nothing that is secret", async () => {
    const headers = { authorization: "Bearer secret-1", cookie: "session=secret-2" };
    await grpc["say"]!({ message: "a" }, { headers });
    await (await fetch(`${edge.url}/nobody/knows?key=secret-3`, { headers })).text();
    await expect.poll(() => line("/nobody/knows")).toBeDefined();
    expect(line("/edgeway.examples.v1.Echo/Say")).toMatchObject({
      protocol: "grpc",
      revision: "7",
      rule: { cluster: "test", kind: "GRPCRoute", namespace: "default", name: "test", ruleIndex: 0 },
      backend,
      attempts: 1,
      httpStatus: 200,
      grpcStatus: "OK",
    });
    expect(line("/nobody/knows")).toMatchObject({ protocol: "http", httpStatus: 404, side: "edge", attempts: 0 });
    for (const text of edge.lines) {
      expect(text).not.toContain("secret");
      expect(validate(JSON.parse(text)), `${text}: ${JSON.stringify(validate.errors)}`).toBe(true);
    }
  });

  test("who broke a call off is said, and when", async () => {
    const stop = new AbortController();
    const path = "/edgeway.examples.v1.Echo/Stream";
    const stream = collect(grpc["stream"]!({ count: 1000, intervalMillis: 20 }, { signal: stop.signal }));
    stream.catch(() => {}); // it is looked at below
    setTimeout(() => stop.abort(), 100);
    await expect(stream).rejects.toThrow();
    await expect.poll(() => line(path)).toMatchObject({ side: "caller", grpcStatus: "CANCELLED" });
    await expect(grpc["sleep"]!({ millis: 5000 }, { timeoutMs: 100 })).rejects.toThrow();
    await expect.poll(() => line("/edgeway.examples.v1.Echo/Sleep")).toMatchObject({ grpcStatus: expect.any(String) });
    expect(line("/edgeway.examples.v1.Echo/Sleep")!["durationMs"]).toBeLessThan(1000);
  });

  test("bytes are counted both ways", async () => {
    await collect(grpc["stream"]!({ count: 4, size: 1000 }));
    await expect
      .poll(() => line("/edgeway.examples.v1.Echo/Stream"))
      .toMatchObject({ grpcStatus: "OK", requestBytes: expect.any(Number) });
    const { responseBytes } = line("/edgeway.examples.v1.Echo/Stream")!;
    expect(responseBytes).toBeGreaterThan(4000);
    expect(responseBytes).toBeLessThan(4200);
  });
});

describe("traces", () => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";

  test("the origin gets the caller's trace with the edge's span, and the collector that span", async () => {
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, tracestate: "a=b" };
    const answer = await grpc["say"]!({}, { headers });
    const received = Object.fromEntries(answer.headers.map(({ name, value }: any) => [name, value]));
    const [, trace, spanId, flags] = received["traceparent"].split("-");
    expect([trace, flags, received["tracestate"]]).toEqual([traceId, "01", "a=b"]);
    expect(spanId).not.toBe("00f067aa0ba902b7");
    const span = () => edge.spans.find((each) => each.spanId === spanId);
    await expect.poll(span, { timeout: 8000 }).toMatchObject({
      traceId,
      parentSpanId: "00f067aa0ba902b7",
      name: "edgeway.examples.v1.Echo/Say",
      kind: 2,
    });
    expect(span().attributes).toContainEqual({ key: "edgeway.backend", value: { stringValue: backend } });
  });

  test("a caller who records nothing is not recorded, and his trace goes on", async () => {
    const answer = await grpc["say"]!({}, { headers: { traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-00` } });
    const { value } = answer.headers.find(({ name }: any) => name === "traceparent");
    expect(value).toMatch(new RegExp(`^00-1{32}-[0-9a-f]{16}-00$`));
    expect(edge.spans.filter((span) => span.traceId === "1".repeat(32))).toEqual([]);
  });
});

describe("x-edgeway-explain", () => {
  const decisionOf = async (headers: Record<string, string>) => {
    const response = await fetch(`${edge.url}/edgeway.examples.v1.Echo/Say`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: "{}",
    });
    const { headers: reached } = (await response.json()) as { headers: { name: string }[] };
    return { decision: response.headers.get("x-edgeway-explain"), reached: reached.map(({ name }) => name) };
  };

  test("tells whoever has the token how the call was routed, and nobody else", async () => {
    const { decision, reached } = await decisionOf({ "x-edgeway-explain": token });
    expect(JSON.parse(decision!)).toMatchObject({ revision: "7", backend, rule: { name: "test", ruleIndex: 0 } });
    expect(reached).not.toContain("x-edgeway-explain");
    expect((await decisionOf({ "x-edgeway-explain": "wrong" })).decision).toBeNull();
    expect((await decisionOf({})).decision).toBeNull();
  });

  test("is in the metadata of an answer that no origin gave", async () => {
    const response = await fetch(`${edge.url}/nobody/here`, { headers: { "x-edgeway-explain": token } });
    expect(JSON.parse(response.headers.get("x-edgeway-explain")!)).toMatchObject({ rule: null });
  });
});
