import { expect, test } from "vitest";
import { FakeClock } from "../fake-clock.fixture.ts";
import type { ReportEntry } from "../report.ts";
import type { ApiRequest, KubeApi } from "./api.ts";
import { ApiError } from "./api.ts";
import { Events } from "./events.ts";

/** An API server that has every Ingress but those named "gone", and keeps Events. */
function start(events = new Map<string, Record<string, unknown>>()) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const writes: ApiRequest[] = [];
  const api: KubeApi = {
    async request(request) {
      await Promise.resolve();
      const { method = "GET", path, body } = request;
      const name = path.slice(path.lastIndexOf("/") + 1);
      if (method === "GET" && !path.includes("/events/")) {
        if (name === "gone") throw new ApiError(404, "not found");
        const metadata = { name, namespace: "default", uid: `uid-of-${name}` };
        return { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata };
      }
      if (method === "GET") return events.get(name);
      writes.push(request);
      if (method === "PATCH") events.set(name, { ...events.get(name), ...Object(body) });
      if (method === "POST") {
        const { metadata } = body as { metadata: { name: string } };
        if (events.has(metadata.name)) throw new ApiError(409, "already exists");
        events.set(metadata.name, body as Record<string, unknown>);
      }
      return {};
    },
    watch: () => Promise.reject(new Error("nobody watches Events")),
    close() {},
  };
  const date = () => new Date(Date.UTC(2026, 0, 1));
  const writer = new Events({ api, clock, date, identity: "kube-sync-1", log: (line) => lines.push(line) });
  return { clock, events, lines, writes, writer };
}

function entry(name: string, reason: string, level: ReportEntry["level"] = "error", kind = "Ingress"): ReportEntry {
  return { source: { kind, namespace: "default", name, file: "" }, level, field: "spec.rules[0]", reason };
}

test("errors and warnings are Events of their objects, each once", async () => {
  const { clock, events, writes, writer } = start();
  const report = [
    entry("web", "there is no Service"),
    entry("web", "is not kept as it is", "warning"),
    entry("web", "good to know", "info"),
    entry("gone", "deleted meanwhile"),
    entry("", "is no YAML", "error", ""),
  ];
  writer.report(report);
  await clock.pass(1000);
  writer.report(report);
  await clock.pass(1000);
  expect(writes).toHaveLength(2);
  expect([...events.values()]).toMatchObject([
    {
      metadata: { name: expect.stringMatching(/^web\.[0-9a-f]{16}$/), namespace: "default" },
      regarding: { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: "web", uid: "uid-of-web" },
      note: "spec.rules[0]: there is no Service",
      reason: "NotServed",
      type: "Warning",
      eventTime: "2026-01-01T00:00:00.000000Z",
      reportingInstance: "kube-sync-1",
    },
    { reason: "ServedDifferently" },
  ]);
});

test("an Event that another agent wrote before is counted up", async () => {
  const first = start();
  first.writer.report([entry("web", "there is no Service")]);
  await first.clock.pass(1000);
  const second = start(first.events);
  second.writer.report([entry("web", "there is no Service")]);
  await second.clock.pass(1000);
  expect([...second.events.values()]).toMatchObject([{ series: { count: 2 } }]);
});

test("what is still so is said again before the API server forgets it, and what is not is not", async () => {
  const { clock, writes, writer } = start();
  writer.report([entry("web", "there is no Service"), entry("api", "there is no Service")]);
  await clock.pass(1000);
  writer.report([entry("web", "there is no Service")]);
  await clock.pass(55 * 60_000);
  const patches = writes.filter(({ method }) => method === "PATCH");
  expect(patches.map(({ path }) => path.includes("/events/web."))).toEqual([true]);
});

test("many at once are written at a bounded rate, and none is lost", async () => {
  const { clock, events, writer } = start();
  writer.report(Array.from({ length: 100 }, (_, i) => entry(`web-${i}`, "there is no Service")));
  await clock.pass(150);
  expect(events.size).toBe(25);
  await clock.pass(5_000);
  expect(events.size).toBeGreaterThan(45);
  expect(events.size).toBeLessThan(55);
  await clock.pass(15_000);
  expect(events.size).toBe(100);
});
