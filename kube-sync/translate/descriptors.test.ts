import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { decode } from "../../routes/decode.ts";
import type { DescriptorSet } from "../descriptors/set.ts";
import { readDescriptorSet } from "../descriptors/set.ts";
import { readManifests } from "../manifests.ts";
import { formatEntry } from "../report.ts";
import { translate } from "./translate.ts";

const file = create(FileDescriptorProtoSchema, {
  name: "s.proto",
  syntax: "proto3",
  messageType: [{ name: "M" }],
  service: [{ name: "S", method: [{ name: "Get", inputType: ".M", outputType: ".M" }] }],
});
const bytes = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [file] }));
const set = readDescriptorSet(bytes);

function service(name: string, annotations: string, protocol = "grpc"): string {
  return `{apiVersion: v1, kind: Service, metadata: {name: ${name}, annotations: {edgeway.dev/origin: "${protocol}://10.0.0.1:50051", ${annotations}}}, spec: {ports: [{port: 80}]}}`;
}

function ingress(...names: string[]): string {
  const paths = names.map(
    (name) => `{path: /${name}, pathType: Prefix, backend: {service: {name: ${name}, port: {number: 80}}}}`,
  );
  return `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web}, spec: {rules: [{http: {paths: [${paths.join(", ")}]}}]}}`;
}

function configMap(name: string, binaryData: string): string {
  return `{apiVersion: v1, kind: ConfigMap, metadata: {name: ${name}}, binaryData: ${binaryData}}`;
}

function run(documents: readonly string[], reflected?: ReadonlyMap<string, DescriptorSet>) {
  const { objects } = readManifests(documents.join("\n---\n"), "web.yaml");
  const { table, report, origins } = translate(objects, { cluster: "east", adoptAll: true }, reflected);
  expect(decode(table).issues).toBeUndefined();
  return {
    backends: Object.fromEntries(table.backends.map(({ key, descriptors }) => [key, descriptors])),
    sets: table.descriptorSets.map(({ hash, fileDescriptorSet }) => ({ hash, bytes: fileDescriptorSet })),
    report: report.map(formatEntry),
    origins: origins.map(({ key }) => key),
  };
}

test("a Service names the ConfigMap that holds its descriptors; backends with the same ones share them", () => {
  const annotation = "edgeway.dev/descriptors: protos";
  const found = run([
    ingress("a", "b"),
    service("a", annotation),
    service("b", annotation),
    configMap("protos", `{s.binpb: ${Buffer.from(bytes).toString("base64")}}`),
  ]);
  expect(found.backends).toEqual({ "default/a:80": set.hash, "default/b:80": set.hash });
  expect(found.sets).toEqual([set]);
  expect(found.origins).toEqual([]);
});

test("a ConfigMap that is missing or holds something else is an error of the Service", () => {
  const { backends, report } = run([
    ingress("a", "b", "c"),
    service("a", "edgeway.dev/descriptors: nowhere"),
    service("b", "edgeway.dev/descriptors: empty"),
    service("c", "edgeway.dev/descriptors: broken"),
    configMap("empty", "{}"),
    configMap("broken", "{s.binpb: AAAA}"),
  ]);
  expect(Object.values(backends)).toEqual(["", "", ""]);
  const field = 'metadata.annotations["edgeway.dev/descriptors"]: error: ConfigMap default';
  expect(report).toEqual([
    `web.yaml: Service default/a ${field}/nowhere is missing`,
    `web.yaml: Service default/b ${field}/empty has no binaryData`,
    expect.stringContaining(`web.yaml: Service default/c ${field}/broken holds no usable descriptor set: `),
  ]);
});

test("servers that speak gRPC and have no ConfigMap are to be asked, and what they told is the backend's", () => {
  const documents = [ingress("a", "b", "c"), service("a", ""), service("b", "", "h2c"), service("c", "", "http")];
  const { origins, backends } = run(documents);
  expect(origins).toEqual(["default/a:80", "default/b:80"]);
  expect(Object.values(backends)).toEqual(["", "", ""]);
  const told = run(
    documents,
    new Map([
      ["default/a:80", set],
      ["default/gone:80", set],
    ]),
  );
  expect(told.backends).toEqual({ "default/a:80": set.hash, "default/b:80": "", "default/c:80": "" });
  expect(told.sets).toEqual([set]);
});

test("more descriptor sets than the edge takes are left out, and reported", () => {
  const names = Array.from({ length: 257 }, (_, i) => `s${String(i).padStart(3, "0")}`);
  const reflected = new Map(
    names.map((name, i) => [`default/${name}:80`, { ...set, hash: i.toString(16).padStart(64, "0") }]),
  );
  const { sets, report } = run([ingress(...names), ...names.map((name) => service(name, ""))], reflected);
  expect(sets).toHaveLength(256);
  expect(report).toEqual([
    "web.yaml: Service default/s256: warning: no JSON and no REST for default/s256:80: the cluster's descriptor sets are too many",
  ]);
});
