import { expect, test } from "vitest";
import { readManifests } from "./manifests.ts";
import { formatEntry } from "./report.ts";

const SERVICE = "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {}}";

function read(text: string) {
  const { objects, report } = readManifests(text, "web.yaml");
  return { names: objects.map(({ metadata }) => metadata.name), report: report.map(formatEntry) };
}

test("a document that is not YAML is reported with its line, and the others are kept", () => {
  const { names, report } = read(`${SERVICE}\n---\nkind: [\n---\n${SERVICE.replace("web", "api")}\n`);
  expect(names).toEqual(["web", "api"]);
  expect(report).toEqual([expect.stringMatching(/^web.yaml: line 4, column 1: error: Flow sequence/)]);
});

test("JSON is read too, indented with tabs", () => {
  const json = JSON.stringify({ apiVersion: "v1", kind: "Service", metadata: { name: "web" }, spec: {} }, null, "\t");
  expect(read(json)).toEqual({ names: ["web"], report: [] });
});

test("empty files, comments and empty documents hold nothing", () => {
  for (const text of ["", "\n", "# nothing\n", "---\n---\n# nothing\n---\n"]) {
    expect(read(text)).toEqual({ names: [], report: [] });
  }
});

test("aliases and merge keys are followed", () => {
  const text = `
apiVersion: v1
kind: List
items:
  - &web {apiVersion: v1, kind: Service, metadata: {name: web}, spec: &spec {ports: [{port: 80}]}}
  - {apiVersion: v1, kind: Service, metadata: {name: api}, spec: {<<: *spec, type: ClusterIP}}
`;
  expect(read(text)).toEqual({ names: ["web", "api"], report: [] });
});

test("aliases that would grow without bound are refused", () => {
  const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i},`.repeat(10)}]`);
  const { names, report } = read(`l0: &l0 [x]\n${levels.join("\n")}\n---\n${SERVICE}\n`);
  expect(names).toEqual(["web"]);
  expect(report).toEqual([expect.stringContaining("alias")]);
});

test("a key given twice is an error, as for kubectl", () => {
  const { names, report } = read(SERVICE.replace("spec: {}", "spec: {}, spec: {}"));
  expect(names).toEqual([]);
  expect(report).toEqual([expect.stringContaining("Map keys must be unique")]);
});

test("more documents than can be meant are refused", () => {
  const { names, report } = read(`${SERVICE}\n---\n`.repeat(10_001));
  expect(names).toEqual([]);
  expect(report).toEqual(["web.yaml: error: has more than 10000 documents"]);
});

test("a file that is nested too deeply is reported, not thrown at", () => {
  const nested = [
    "[".repeat(20_000),
    "? ".repeat(20_000),
    `${"- ".repeat(20_000)}a: b\nc: d`,
    `k:\n  ${"api: s.".repeat(20_000)}\nx: 1`,
  ];
  for (const text of nested) {
    const { objects, report } = readManifests(text, "deep.yaml");
    expect(objects).toEqual([]);
    expect(report).toMatchObject([{ level: "error", unreadable: true, source: { file: "deep.yaml" } }]);
  }
});
