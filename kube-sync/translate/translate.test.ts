import { expect, test } from "vitest";
import { compile } from "../../routes/compile.ts";
import { decode } from "../../routes/decode.ts";
import { match } from "../../routes/match.ts";
import { readManifests } from "../manifests.ts";
import { formatEntry } from "../report.ts";
import { translate } from "./translate.ts";

function backend(service: string): string {
  return `{service: {name: ${service}, port: {number: 80}}}`;
}

function ingress(name: string, host: string, paths: readonly string[], rest = ""): string {
  const items = paths.map((path) => `{path: ${path}, pathType: Prefix, backend: ${backend("web")}}`);
  const rules = `[{host: ${host}, http: {paths: [${items.join(", ")}]}}]`;
  return `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: ${name}}, spec: {rules: ${rules}${rest}}}`;
}

const SERVICES = ["web", "api"].map(
  (name) =>
    `{apiVersion: v1, kind: Service, metadata: {name: ${name}, annotations: {edgeway.dev/origin: "10.0.0.1:80"}},
    spec: {ports: [{port: 80}]}}`,
);

function translateAll(...documents: string[]) {
  const { objects } = readManifests([...documents, ...SERVICES].join("\n---\n"), "web.yaml");
  return translate(objects, { cluster: "east", adoptAll: true });
}

test("an object that the edge would refuse is left out, reported, and takes nothing else down", () => {
  const paths = Array.from({ length: 1025 }, (_, i) => `/${i}`);
  const { table, report } = translateAll(ingress("large", "large.example.com", paths), ingress("good", "a.com", ["/"]));
  expect(table.routes.map(({ key }) => key)).toEqual(["Ingress/default/good/a.com"]);
  expect(decode(table).issues).toBeUndefined();
  expect(report.map(formatEntry)).toEqual([
    "web.yaml: Ingress default/large: error: left out, as the edge would refuse it: rules must have at most 1024 entries, has 1025",
  ]);
});

test("an Ingress whose paths and hosts make too many rules together is left out, and takes nothing else down", () => {
  const hosts = (count: number, name: (i: number) => string) =>
    Array.from(
      { length: count },
      (_, i) => `{host: "${name(i)}", http: {paths: [{path: /, pathType: Prefix, backend: ${backend("web")}}]}}`,
    );
  const named = (name: string, annotations: string, rules: readonly string[]) =>
    `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: ${name}, annotations: {${annotations}}}, spec: {ingressClassName: ${name.split("-")[0]}, rules: [${rules.join(", ")}]}}`;
  const classes = [
    ["nginx", "k8s.io/ingress-nginx"],
    ["alb", "ingress.k8s.aws/alb"],
  ].map(
    ([name, controller]) =>
      `{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: ${name}}, spec: {controller: ${controller}}}`,
  );
  const aliases = Array.from({ length: 1000 }, (_, i) => `a${i}.com`).join(",");
  const { table, report } = translateAll(
    ...classes,
    named(
      "nginx-aliases",
      `nginx.ingress.kubernetes.io/server-alias: "${aliases}"`,
      hosts(300, (i) => `b${i}.com`),
    ),
    named("alb-wide", "", [...hosts(600, () => "*.example.com"), ...hosts(600, (i) => `c${i}.example.com`)]),
    named(
      "nginx-good",
      "",
      hosts(1, () => "good.com"),
    ),
    named(
      "alb-good",
      "",
      hosts(1, () => "good.example.com"),
    ),
  );
  expect(table.routes.map(({ key }) => key)).toEqual([
    "Ingress/default/alb-good/good.example.com",
    "Ingress/default/nginx-good/good.com",
  ]);
  expect(report.map(formatEntry)).toEqual(
    ["alb-wide", "nginx-aliases"].map(
      (name) =>
        `web.yaml: Ingress default/${name} spec: error: its paths and hosts make more than 250000 rules together: it is left out`,
    ),
  );
});

test("the default backend takes what no path of any host takes", () => {
  const { table } = translateAll(ingress("web", "a.com", ["/web"], `, defaultBackend: ${backend("api")}`));
  const { part } = decode(table);
  const routes = compile([part!]);
  const backendOf = (host: string, path: string) =>
    match(routes, {
      scheme: "https",
      host,
      path,
      query: "",
      method: "GET",
      protocols: ["http"],
      header: () => undefined,
    })?.rule.backends[0]?.backend?.name;
  expect(backendOf("a.com", "/web/page")).toBe("east/default/web:80");
  expect(backendOf("a.com", "/website")).toBe("east/default/api:80");
  expect(backendOf("b.com", "/web")).toBe("east/default/api:80");
});

test.each([
  [{ "jwt-jwk-uri": "https://keys.example.com/" }, "edgeway.dev/jwt-jwk-uri is not known"],
  [{ "jwt-scope": "read" }, "edgeway.dev/jwt-scope is not known"],
  [{ "jwt-issuer": "me" }, "edgeway.dev/jwt-jwks-uri is missing"],
  [{ "rate-limit": "fast" }, "edgeway.dev/rate-limit is malformed"],
  [{ ratelimit: "10/s" }, "edgeway.dev/ratelimit is not known"],
  [{ "ca-secret": "mine" }, "edgeway.dev/ca-secret means nothing on an object of the kind Ingress"],
])("an Ingress with %j, by which calls cannot be held off, answers them with an error", (annotations, reason) => {
  const own = Object.entries(annotations).map(([name, value]) => `edgeway.dev/${name}: "${value}"`);
  const guarded = ingress("web", "a.com", ["/"]).replace("name: web", `name: web, annotations: {${own.join(", ")}}`);
  const { table, report } = translateAll(guarded);
  const targets = table.routes
    .flatMap(({ rules }) => rules)
    .flatMap(({ backends }) => backends.map((each) => each.target));
  expect(targets).toEqual([{ case: "invalid", value: expect.stringContaining(reason) }]);
  expect(report.filter(({ level }) => level === "error")).toHaveLength(1);
});

test("an annotation that is misspelt is an error, which says what was meant", () => {
  const misspelt = ingress("web", "a.com", ["/"]).replace(
    "name: web",
    "name: web, annotations: {edgeway.dev/timeuot: 1s}",
  );
  expect(translateAll(misspelt).report.map(formatEntry)).toEqual([
    'web.yaml: Ingress default/web metadata.annotations["edgeway.dev/timeuot"]: error: is not known (did you mean edgeway.dev/timeout?): ignored',
  ]);
});
