import { expect, test } from "vitest";
import { readManifests } from "./manifests.ts";
import { refOf } from "./objects/object.ts";
import { Store } from "./store.ts";
import { translate } from "./translate/translate.ts";

function service(name: string, port: number, file = "a.yaml") {
  const text = `{apiVersion: v1, kind: Service, metadata: {name: ${name}, resourceVersion: "${Math.random()}"}, spec: {ports: [{port: ${port}}]}}`;
  return readManifests(text, file).objects[0]!;
}

function route(name: string, host: string) {
  const backend = "{service: {name: web, port: {number: 80}}}";
  const rules = `[{host: ${host}, http: {paths: [{path: /, pathType: Prefix, backend: ${backend}}]}}]`;
  const text = `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: ${name}}, spec: {rules: ${rules}}}`;
  return readManifests(text, `${name}.yaml`).objects[0]!;
}

function ports(store: Store): unknown[] {
  return store.objects().map((object) => (object.kind === "Service" ? object.spec.ports[0]?.port : undefined));
}

test("a change matters only when something that is read differs", () => {
  const store = new Store();
  expect(store.put(service("web", 80))).toBe(true);
  expect(store.put(service("web", 80))).toBe(false);
  expect(store.put(service("web", 81))).toBe(true);
  expect(store.delete(refOf(service("web", 81)))).toBe(true);
  expect(store.delete(refOf(service("web", 81)))).toBe(false);
});

test("replacing all tells whether anything came, went or changed", () => {
  const store = new Store();
  expect(store.replace([service("web", 80)]).changed).toBe(true);
  expect(store.replace([service("web", 80)]).changed).toBe(false);
  expect(store.replace([service("web", 80), service("api", 80)]).changed).toBe(true);
  expect(store.replace([service("api", 80), service("web", 80)]).changed).toBe(false);
  expect(store.replace([]).changed).toBe(true);
});

test("of two objects with one name the last stays, and the other is reported", () => {
  const store = new Store();
  const { report } = store.replace([service("web", 80), service("web", 81, "b.yaml"), service("web", 82, "b.yaml")]);
  expect(ports(store)).toEqual([82]);
  expect(report.map(({ source, reason }) => `${source.file}: ${reason}`)).toEqual([
    "a.yaml: is also in b.yaml, which replaces it",
    "b.yaml: is also in this file, which replaces it",
  ]);
});

test("events of different objects in any order end in the same table", () => {
  /** What happens to each object, which is always in this order. */
  const histories: ((store: Store) => boolean)[][] = [
    [(store) => store.put(service("web", 81)), (store) => store.put(service("web", 80))],
    [(store) => store.put(route("a", "b.com")), (store) => store.put(route("a", "a.com"))],
    [(store) => store.put(route("b", "a.com"))],
    [(store) => store.put(route("c", "c.com")), (store) => store.delete(refOf(route("c", "c.com")))],
  ];
  const tables = [0.1, 0.3, 0.5, 0.7, 0.9, 0.99].map((pick) => {
    const store = new Store();
    const left = histories.map((history) => [...history]);
    for (let turn = 1; left.some((history) => history.length > 0); turn++) {
      const open = left.filter((history) => history.length > 0);
      open[Math.floor(((pick * turn) % 1) * open.length)]!.shift()!(store);
    }
    return translate(store.objects(), { cluster: "east", adoptAll: true });
  });
  expect(tables[0]!.table.routes.map(({ key }) => key)).toEqual(["Ingress/default/a/a.com", "Ingress/default/b/a.com"]);
  for (const table of tables) expect(table).toEqual(tables[0]);
});

test("replacing one kind leaves the others alone, and what is the same stays the object that it was", () => {
  const store = new Store();
  store.put(route("a", "a.com"));
  store.put(service("web", 80));
  store.put(service("gone", 80));
  const [a, web] = store.objects();
  expect(store.replaceKind("Service", [service("web", 80)])).toBe(true);
  expect(store.replaceKind("Service", [service("web", 80)])).toBe(false);
  expect(store.objects()).toEqual([a, web]);
  expect(store.objects()[1]).toBe(web);
  expect(store.replaceKind("Service", [])).toBe(true);
  expect(store.objects()).toEqual([a]);
});
