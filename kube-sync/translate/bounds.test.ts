import { expect, test } from "vitest";
import { readManifests } from "../manifests.ts";
import { formatEntry } from "../report.ts";
import { translate } from "./translate.ts";

/** Few lines may ask for more than a machine's memory: there it ends with an error, not with the agent. */

const MESH = `
apiVersion: v1
kind: Service
metadata: {name: gateway, namespace: default}
spec: {selector: {istio: gateway}, ports: [{name: http2, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public, namespace: default}
spec: {selector: {istio: gateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default, annotations: {edgeway.dev/origin: "web.example.net:443"}}
spec: {ports: [{name: grpc, port: 50051}]}
`;

function times(count: number, each: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => each(i)).join(", ");
}

function virtualService(name: string, spec: string): string {
  return `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: ${name}}, spec: {${spec}}}`;
}

const ROUTE = "route: [{destination: {host: web}}]";

function translateAll(...documents: string[]) {
  const { objects } = readManifests([MESH, ...documents].join("\n---\n"), "");
  const { table, report } = translate(objects, { cluster: "east", adoptAll: true });
  const errors = report.filter(({ level }) => level === "error").map(formatEntry);
  return {
    invalid: table.routes.flatMap(({ rules }) => rules.map(({ backends }) => backends[0]?.target.case)),
    errors,
  };
}

test("matches of a delegate and of the rule that leads to it are at most as many as a rule can have", () => {
  const matches = (count: number) => `match: [${times(count, (i) => `{uri: {exact: /${i}}}`)}]`;
  const { invalid, errors } = translateAll(
    virtualService("inner", `http: [{${matches(40)}, ${ROUTE}}, {${matches(25)}, ${ROUTE}}]`),
    virtualService(
      "outer",
      `hosts: [a.example.com], gateways: [public], http: [{${matches(40)}, delegate: {name: inner}}]`,
    ),
  );
  expect(errors).toEqual([
    "VirtualService default/inner spec.http[0].match: error: its matches are 1600 with those that lead to it, more than 1024: answers with an error",
  ]);
  expect(invalid).toEqual(["invalid", "backend"]);
});

test("rules of a VirtualService for each of its hosts are bounded", () => {
  const hosts = times(2000, (i) => `h${i}.example.com`);
  const http = times(2000, (i) => `{match: [{uri: {exact: /${i}}}], ${ROUTE}}`);
  const { invalid, errors } = translateAll(
    virtualService("many", `hosts: [${hosts}], gateways: [public], http: [${http}]`),
  );
  expect(errors).toEqual([
    "VirtualService default/many spec.http: error: has more than 100000 rules, as each host and each delegate's rule counts: all answer with an error",
  ]);
  expect(invalid).toEqual(Array.from({ length: 2000 }, () => "invalid"));
});

test("rules of a mesh for each path of an Ingress are bounded", () => {
  const backend = "{service: {name: gateway, port: {number: 80}}}";
  const paths = times(600, (i) => `{path: /p${i}, pathType: Prefix, backend: ${backend}}`);
  const http = times(10, (i) => `{match: [${times(100, (j) => `{uri: {exact: /${i}/${j}}}`)}], ${ROUTE}}`);
  const { invalid, errors } = translateAll(
    virtualService("rules", `hosts: [a.example.com], gateways: [public], http: [${http}]`),
    `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: paths}, spec: {rules: [{http: {paths: [${paths}]}}]}}`,
  );
  expect(errors).toEqual([
    "Ingress default/paths spec.rules: error: has more than 500000 matches with those of the mesh behind it: all its paths answer with an error",
  ]);
  expect(invalid.filter((each) => each === "invalid")).toHaveLength(600);
});
