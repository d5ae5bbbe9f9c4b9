import { expect, test } from "vitest";
import { FakeClock } from "../fake-clock.fixture.ts";
import type { ApiRequest, KubeApi } from "./api.ts";
import { ApiError } from "./api.ts";
import { Informer } from "./informer.ts";

type Json = Readonly<Record<string, unknown>>;

/** The events of one watch, which a test makes happen. */
class FakeWatch implements AsyncIterable<unknown> {
  readonly #events: unknown[] = [];
  #wake: (() => void) | undefined;
  #ended = false;

  say(type: string, object: Json): void {
    this.#events.push({ type, object });
    this.#wake?.();
  }

  end(error?: Error): void {
    if (error !== undefined) this.#events.push(error);
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) {
        if (event instanceof Error) throw event;
        yield event;
      }
      if (this.#ended) return;
      // oxlint-disable-next-line no-await-in-loop -- until the next happens
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** An informer of Ingresses, of which there are versions v2 and v1, at an API server that answers as `list` says. */
function start(list: (request: ApiRequest) => unknown, versions = ["v1"]) {
  const clock = new FakeClock();
  const watches: { readonly request: ApiRequest; readonly watch: FakeWatch }[] = [];
  const lists: ApiRequest[] = [];
  const log: string[] = [];
  const names = new Set<string>();
  /** Why no watch can be had, if none can. */
  const away: { error: Error | undefined } = { error: undefined };
  const api: KubeApi = {
    async request(request) {
      lists.push(request);
      return await list(request);
    },
    watch(request) {
      const watch = new FakeWatch();
      watches.push({ request, watch });
      request.signal.addEventListener("abort", () => watch.end());
      return away.error === undefined ? Promise.resolve(watch) : Promise.reject(away.error);
    },
    close() {},
  };
  const stop = new AbortController();
  const informer = new Informer<string>({
    api,
    clock,
    random: () => 0.999_999,
    signal: stop.signal,
    resource: { group: "networking.k8s.io", versions, plural: "ingresses", kind: "Ingress" },
    read: ({ apiVersion, kind, metadata }) => [apiVersion, kind, Reflect.get(Object(metadata), "name")].join(" "),
    sink: {
      replaced(all) {
        names.clear();
        for (const name of all) names.add(name);
      },
      put: (name) => void names.add(name),
      deleted: (name) => void names.delete(name),
      problem: (problem) => void log.push(problem?.reason ?? "well"),
      restarted() {},
    },
  });
  const done = informer.run();
  return { clock, watches, lists, log, names, away, stop: () => (stop.abort(), done) };
}

const object = (name: string, resourceVersion: string) => ({ metadata: { name, resourceVersion } });
const page = (resourceVersion: string, names: readonly string[], more = "") => ({
  metadata: { resourceVersion, continue: more },
  items: names.map((name) => object(name, "1")),
});
const v1 = (...names: readonly string[]) => new Set(names.map((name) => `networking.k8s.io/v1 Ingress ${name}`));

test("lists page by page, then follows from the list's version on", async () => {
  const pages = [page("7", ["a", "b"], "next"), page("7", ["c"])];
  const { clock, names, watches, lists, stop } = start(() => pages.shift());
  await clock.pass(0);
  expect(names).toEqual(v1("a", "b", "c"));
  expect(lists.map(({ query }) => query)).toEqual([{ limit: "500" }, { limit: "500", continue: "next" }]);
  expect(watches[0]!.request).toMatchObject({
    path: "/apis/networking.k8s.io/v1/ingresses",
    query: { watch: "1", resourceVersion: "7", allowWatchBookmarks: "true" },
  });
  watches[0]!.watch.say("ADDED", object("d", "8"));
  watches[0]!.watch.say("DELETED", object("a", "9"));
  await clock.pass(0);
  expect(names).toEqual(v1("b", "c", "d"));
  await stop();
});

test("a watch that ends is resumed from the last version seen, which a bookmark tells too", async () => {
  const { clock, watches, lists, stop } = start(() => page("7", []));
  await clock.pass(0);
  watches[0]!.watch.say("ADDED", object("a", "8"));
  watches[0]!.watch.say("BOOKMARK", { metadata: { resourceVersion: "20" } });
  await clock.pass(60_000);
  watches[0]!.watch.end();
  await clock.pass(0);
  expect(watches.map(({ request }) => request.query!["resourceVersion"])).toEqual(["7", "20"]);
  expect(lists).toHaveLength(1);
  await stop();
});

test.each([
  ["as an event", (watch: FakeWatch) => watch.say("ERROR", { code: 410, message: "too old resource version" })],
  ["as an answer", (watch: FakeWatch) => watch.end(new ApiError(410, "too old resource version"))],
])("where the version is forgotten, %s, all is listed anew, and what is gone is gone", async (_how, expire) => {
  const pages = [page("7", ["a", "b"]), page("90", ["b", "c"])];
  const { clock, names, watches, log, stop } = start(() => pages.shift());
  await clock.pass(0);
  expire(watches[0]!.watch);
  await clock.pass(1000);
  expect(names).toEqual(v1("b", "c"));
  expect(watches[1]!.request.query).toMatchObject({ resourceVersion: "90" });
  expect(log).toEqual([]);
  await stop();
});

test("while the API server is away the objects stay, and it is asked again ever more rarely", async () => {
  const { clock, names, watches, log, away, stop } = start(() => page("7", ["a"]));
  await clock.pass(60_000);
  away.error = new Error("ECONNREFUSED");
  watches[0]!.watch.end(new Error("ECONNRESET"));
  await clock.pass(60_000);
  expect(names).toEqual(v1("a"));
  // After 0.2, 0.4, 0.8, 1.6, 3.2, 6.4 and then every 10 seconds.
  expect(watches).toHaveLength(1 + 6 + 4);
  away.error = undefined;
  await clock.pass(10_000);
  watches.at(-1)!.watch.say("ADDED", object("b", "8"));
  await clock.pass(0);
  expect(names).toEqual(v1("a", "b"));
  expect(log).toEqual(["ECONNRESET", "well"]);
  await stop();
});

test("a kind that the server does not have is empty, and is found once it is there", async () => {
  let installed = false;
  const { clock, names, watches, log, stop } = start(() => {
    if (!installed) throw new ApiError(404, "the server could not find the requested resource");
    return page("7", ["a"]);
  });
  await clock.pass(30_000);
  expect(names).toEqual(new Set());
  expect(watches).toEqual([]);
  installed = true;
  await clock.pass(10_000);
  expect(names).toEqual(v1("a"));
  expect(log).toEqual([]);
  await stop();
});

test("of the versions that the server has the best is read", async () => {
  const { clock, names, lists, stop } = start(
    ({ path }) => {
      if (!path.includes("/v1/")) throw new ApiError(404, "the server could not find the requested resource");
      return page("7", ["a"]);
    },
    ["v2", "v1"],
  );
  await clock.pass(0);
  expect(lists.map(({ path }) => path)).toEqual([
    "/apis/networking.k8s.io/v2/ingresses",
    "/apis/networking.k8s.io/v1/ingresses",
  ]);
  expect(names).toEqual(v1("a"));
  await stop();
});

test("what is forbidden is said once, asked for again, and well when it is granted", async () => {
  let granted = false;
  const { clock, names, log, stop } = start(() => {
    if (!granted) throw new ApiError(403, 'cannot list resource "ingresses"');
    return page("7", ["a"]);
  });
  await clock.pass(60_000);
  expect(log).toEqual(['cannot list resource "ingresses"']);
  granted = true;
  await clock.pass(10_000);
  expect(names).toEqual(v1("a"));
  expect(log).toEqual(['cannot list resource "ingresses"', "well"]);
  await stop();
});

test("an answer that is no list is a problem like any other", async () => {
  const { clock, log, stop } = start(() => ({ kind: "Status" }));
  await clock.pass(1000);
  expect(log).toEqual(["metadata is missing"]);
  await stop();
});
