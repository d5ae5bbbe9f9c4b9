import { afterEach, expect, test } from "vitest";
import { FakeClock } from "../fake-clock.fixture.ts";
import type { ApiRequest, KubeApi } from "./api.ts";
import { ApiError } from "./api.ts";
import type { Merge } from "./status-merge.ts";
import { Statuses } from "./statuses.ts";

const writers: Statuses[] = [];
afterEach(() => {
  for (const writer of writers.splice(0)) writer.close();
});

interface Stored {
  version: number;
  status: unknown;
}

/** An API server that keeps Gateways by name, each by the rules of resource versions. */
function start() {
  const clock = new FakeClock();
  const stored = new Map<string, Stored>();
  const lines: string[] = [];
  const patches: ApiRequest[] = [];
  /** What PATCH fails with, if it does. */
  const failing: { error: Error | undefined } = { error: undefined };
  const answer = (name: string, { version, status }: Stored) => ({
    metadata: { name, resourceVersion: String(version) },
    status,
  });
  const api: KubeApi = {
    async request(request) {
      await Promise.resolve();
      const [, name = ""] = /gateways\/([^/]+)/.exec(request.path) ?? [];
      const object = stored.get(name);
      if (object === undefined) throw new ApiError(404, "not found");
      if (request.method !== "PATCH") return answer(name, object);
      patches.push(request);
      if (failing.error !== undefined) throw failing.error;
      const { metadata, status } = request.body as { metadata: { resourceVersion: string }; status: object };
      if (metadata.resourceVersion !== String(object.version)) throw new ApiError(409, "has been modified");
      stored.set(name, { version: object.version + 1, status: { ...Object(object.status), ...status } });
      return answer(name, stored.get(name)!);
    },
    watch: () => Promise.reject(new Error("nobody watches here")),
    close() {},
  };
  const log = (line: string) => void lines.push(line);
  const date = () => new Date(0);
  const statuses = new Statuses({ api, clock, log, date, random: () => 0.5, unwanted: () => undefined });
  writers.push(statuses);
  const put = (name: string, status: unknown, isSeen = true) => {
    const version = (stored.get(name)?.version ?? 0) + 1;
    stored.set(name, { version, status });
    const ref = { kind: "Gateway", namespace: "default", name, file: "" };
    if (isSeen) statuses.seen({ ref, resourceVersion: String(version), status, problems: [] });
  };
  return { clock, stored, lines, patches, failing, statuses, put };
}

/** Wants the field `says` to be `text`. */
function saying(text: string): Merge {
  return (current) => (Reflect.get(Object(current), "says") === text ? undefined : { says: text });
}

const wish = (...entries: readonly (readonly [name: string, text: string])[]) =>
  new Map(entries.map(([name, text]) => [`Gateway/default/${name}`, saying(text)]));

test("what is not as it should be is written, in the version that was seen, and what is, is not", async () => {
  const { clock, stored, patches, statuses, put } = start();
  put("a", {});
  put("b", { says: "yes" });
  put("nobody's", { says: "no" });
  statuses.want(wish(["a", "yes"], ["b", "yes"]));
  await clock.pass(1000);
  expect(patches).toMatchObject([
    {
      path: "/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways/a/status",
      body: { metadata: { resourceVersion: "1" }, status: { says: "yes" } },
    },
  ]);
  statuses.want(wish(["a", "yes"], ["b", "yes"]));
  await clock.pass(1000);
  expect(patches).toHaveLength(1);
  expect(stored.get("a")).toEqual({ version: 2, status: { says: "yes" } });
});

test("what somebody else wrote meanwhile is read again, and kept", async () => {
  const { clock, stored, patches, statuses, put } = start();
  put("a", {});
  put("a", { other: "controller" }, false);
  statuses.want(wish(["a", "yes"]));
  await clock.pass(1000);
  expect(patches).toHaveLength(2);
  expect(stored.get("a")!.status).toEqual({ other: "controller", says: "yes" });
});

test("what somebody else writes over is written again, after a while", async () => {
  const { clock, stored, patches, statuses, put } = start();
  put("a", {});
  statuses.want(wish(["a", "yes"]));
  await clock.pass(1000);
  put("a", { says: "no" });
  await clock.pass(1000);
  expect(patches).toHaveLength(1);
  await clock.pass(30_000);
  expect(stored.get("a")!.status).toEqual({ says: "yes" });
});

test("a failure is said once and tried again; an object that is gone is none", async () => {
  const { clock, stored, lines, failing, statuses, put } = start();
  put("a", {});
  put("gone", {});
  stored.delete("gone");
  failing.error = new ApiError(403, "gateways/status is forbidden");
  statuses.want(wish(["a", "yes"], ["gone", "yes"]));
  await clock.pass(20_000);
  expect(lines).toEqual(["cannot write the status of Gateway default/a: gateways/status is forbidden"]);
  failing.error = undefined;
  await clock.pass(10_000);
  expect(stored.get("a")!.status).toEqual({ says: "yes" });
});

test("nothing is written while another agent leads", async () => {
  const { clock, patches, statuses, put } = start();
  put("a", {});
  statuses.want(wish(["a", "yes"]));
  statuses.want(undefined);
  await clock.pass(60_000);
  expect(patches).toEqual([]);
});
