import { expect, test } from "vitest";
import { SpanExporter } from "./otlp.ts";
import { record } from "./record.fixture.ts";

const trace = { traceId: "a".repeat(32), spanId: "b".repeat(16), parentId: "c".repeat(16), sampled: true };

/** An exporter whose collector answers with `status`, and whose timers run when the test says so. */
function exporter(status: () => number | Error) {
  const bodies: any[] = [];
  const timers: (() => void)[] = [];
  const clock = { now: () => 0, after: (_: number, run: () => void) => (timers.push(run), () => {}) };
  const post = async (_url: string, _headers: unknown, body: string) => {
    bodies.push(JSON.parse(body));
    const answer = status();
    if (answer instanceof Error) throw answer;
    return { status: answer };
  };
  const spans = new SpanExporter({ url: "http://c/v1/traces", serviceName: "edge", headers: {}, clock, post });
  return {
    spans,
    bodies,
    timers,
    count: () => bodies.flatMap((body) => body.resourceSpans[0].scopeSpans[0].spans).length,
  };
}

test("spans wait for one another, and go out together", async () => {
  const { spans, bodies, timers } = exporter(() => 200);
  spans.ended(record({ trace }));
  spans.ended(record({ trace, grpcStatus: 14, reason: "gone", side: "origin" }));
  expect([bodies.length, timers.length]).toEqual([0, 1]);
  timers[0]!();
  await spans.flush();
  const [{ resource, scopeSpans }] = bodies[0].resourceSpans;
  expect(resource.attributes).toEqual([{ key: "service.name", value: { stringValue: "edge" } }]);
  const [good, bad] = scopeSpans[0].spans;
  expect(good).toMatchObject({
    traceId: trace.traceId,
    spanId: trace.spanId,
    parentSpanId: trace.parentId,
    name: "a.S/M",
    kind: 2,
    startTimeUnixNano: "1700000000000000000",
    endTimeUnixNano: "1700000000003000000",
    status: {},
  });
  expect(good.attributes).toContainEqual({ key: "rpc.service", value: { stringValue: "a.S" } });
  expect(good.attributes).toContainEqual({ key: "rpc.grpc.status_code", value: { intValue: "0" } });
  expect(bad.status).toEqual({ code: 2, message: "gone" });
});

test("calls that are not sampled have no span", async () => {
  const { spans, bodies } = exporter(() => 200);
  spans.ended(record({ trace: { ...trace, sampled: false } }));
  spans.ended(record());
  await spans.flush();
  expect(bodies).toEqual([]);
});

test("when too many wait, or the collector takes none, spans are lost and counted", async () => {
  let answer: number | Error = 200;
  const { spans, count } = exporter(() => answer);
  for (let i = 0; i < 511; i++) spans.ended(record({ trace }));
  await spans.flush();
  expect([count(), spans.dropped]).toEqual([511, 0]);
  answer = 503;
  spans.ended(record({ trace }));
  await spans.flush();
  answer = new Error("refused");
  spans.ended(record({ trace }));
  await spans.flush();
  expect(spans.dropped).toBe(2);
  for (let i = 0; i < 5_000; i++) spans.ended(record({ trace }));
  expect(spans.dropped).toBeGreaterThan(2_000);
});
