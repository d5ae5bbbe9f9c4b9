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
