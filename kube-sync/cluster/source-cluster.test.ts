import { afterEach, expect, test } from "vitest";
import { FakeClock } from "../fake-clock.fixture.ts";
import type { ReportEntry } from "../report.ts";
import { formatEntry } from "../report.ts";
import { Store } from "../store.ts";
import type { ApiRequest, KubeApi } from "./api.ts";
import { ApiError } from "./api.ts";
import { clusterSource } from "./source-cluster.ts";

type Json = Readonly<Record<string, unknown>>;

let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
});

const ended = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };

/** An API server with these objects, by the plural of their kind, and no other kinds; `watch` gives one kind's events. */
async function start(objects: Readonly<Record<string, readonly Json[]>>, away?: Error) {
  const clock = new FakeClock();
  const store = new Store();
  const lines: string[] = [];
  const lists: ApiRequest[] = [];
  const gone: string[] = [];
  let report: readonly ReportEntry[] = [];
  let wake = () => {};
  const events: unknown[] = [];
  const watched = {
    async *[Symbol.asyncIterator]() {
      for (;;) {
        for (let event = events.shift(); event !== undefined; event = events.shift()) yield event;
        // oxlint-disable-next-line no-await-in-loop -- until the next happens
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
  const pluralOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);
  const outage = { error: away };
  const api: KubeApi = {
    async request(request) {
      await Promise.resolve();
      if (outage.error !== undefined) throw outage.error;
      lists.push(request);
      const items = objects[pluralOf(request.path)];
      if (items === undefined) throw new ApiError(404, "not found");
      return { metadata: { resourceVersion: "1" }, items };
    },
    watch: ({ path }) => Promise.resolve(pluralOf(path) === "services" ? watched : ended),
    close() {},
  };
  const source = clusterSource({
    api,
    observer: { seen() {}, gone: ({ name }) => void gone.push(name), restarted() {} },
  });
  let changes = 0;
  const synced = source({
    store,
    clock,
    random: () => 0.5,
    signal: stop.signal,
    log: (line) => void lines.push(line),
    changed: () => (changes += 1),
    report: (entries) => (report = entries),
  });
  const happen = async (type: string, object: Json) => {
    events.push({ type, object });
    wake();
    await clock.pass(0);
  };
  await clock.pass(0);
  const reported = () => report.map(formatEntry);
  return { clock, store, lines, lists, gone, happen, synced, outage, reported, changes: () => changes };
}

const metadata = (name: string, more: Json = {}) => ({ name, namespace: "default", resourceVersion: "1", ...more });
const service = (name: string, port: unknown = 80) => ({ metadata: metadata(name), spec: { ports: [{ port }] } });

test("a cluster is known once each of its kinds is listed; those that it does not have are empty", async () => {
  const { store, synced, lines } = await start({ services: [service("web")], ingresses: [] });
  await synced;
  expect(store.objects()).toMatchObject([{ kind: "Service", metadata: { name: "web" } }]);
  expect(lines).toEqual([]);
});

test("of a Secret only certificates are kept, of others not even the list, and nothing of kubectl's and the server's", async () => {
  const annotations = { "kubectl.kubernetes.io/last-applied-configuration": "{}", "edgeway.dev/x": "y" };
  const data = { "tls.crt": "YQ==", "tls.key": "Yg==", password: "c2VjcmV0" };
  const secret = { metadata: metadata("tls", { annotations, managedFields: [{}] }), type: "kubernetes.io/tls", data };
  const { store, synced, lists } = await start({ secrets: [secret] });
  await synced;
  expect(JSON.stringify(store.objects())).not.toMatch(/password|last-applied|managedFields/);
  expect(store.objects()).toMatchObject([
    { metadata: { annotations: { "edgeway.dev/x": "y" } }, data: { "tls.crt": "YQ==", "tls.key": "Yg==" } },
  ]);
  const query = lists.find(({ path }) => path === "/api/v1/secrets")?.query;
  expect(query?.["fieldSelector"]).toContain("type!=helm.sh/release.v1");
});

test("changes are followed, and those that do not matter are none", async () => {
  const { store, synced, happen, gone, changes } = await start({ services: [service("web")] });
  await synced;
  const before = changes();
  await happen("MODIFIED", { ...service("web"), metadata: metadata("web", { resourceVersion: "2" }) });
  expect(changes()).toBe(before);
  await happen("ADDED", service("api"));
  await happen("DELETED", service("web"));
  expect(changes()).toBe(before + 2);
  expect(store.objects().map((object) => object.metadata.name)).toEqual(["api"]);
  expect(gone).toEqual(["web"]);
});

test("an object that cannot be read is reported for as long as it is so, and is not served as it was before", async () => {
  const { store, synced, happen, reported } = await start({ services: [service("web")] });
  await synced;
  await happen("MODIFIED", service("web", "eighty"));
  expect(store.objects()).toEqual([]);
  expect(reported()).toEqual([
    'Service default/web spec.ports[0].port: error: must be a whole number from 1 to 65535, not "eighty"',
  ]);
  await happen("MODIFIED", service("web", 81));
  expect(reported()).toEqual([]);
  await happen("MODIFIED", service("web", "eighty"));
  await happen("DELETED", service("web", "eighty"));
  expect(reported()).toEqual([]);
});

test("that the API server is away is said once for all kinds, and that it is back", async () => {
  const { clock, lines, synced, outage } = await start({ services: [] }, new Error("ECONNREFUSED"));
  await clock.pass(5_000);
  outage.error = undefined;
  await clock.pass(10_000);
  await synced;
  expect(lines).toEqual(["cannot reach the API server, trying again: ECONNREFUSED", "the API server is reached again"]);
});
