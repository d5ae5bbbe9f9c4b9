import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { validate } from "./validate.ts";

const service = `
apiVersion: v1
kind: Service
metadata: { name: web, annotations: { edgeway.dev/origin: "10.0.0.1:80" } }
spec: { ports: [{ port: 80 }] }
---
`;

const ingress = (name: string, backend: string, annotations = "{}") => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: ${name}, annotations: ${annotations} }
spec:
  ingressClassName: nginx
  rules: [{ host: ${name}.example.com, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: ${backend}, port: { number: 80 } } } }] } }]
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: { name: nginx }
spec: { controller: k8s.io/ingress-nginx }
---
`;

const controller = "edgeway.dev/ingress-controller";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "edgeway-validate-"));
});

afterEach(() => rm(directory, { recursive: true }));

async function validated(text: string, { adoptAll = true, json = false } = {}) {
  await writeFile(join(directory, "all.yaml"), text);
  return validate({ directory, adoptAll, json });
}

test("what is served as it says is ok", async () => {
  const { output, served, errors } = await validated(service + ingress("good", "web"));
  expect({ served, errors }).toEqual({ served: true, errors: 0 });
  expect(output).toBe("ok       Ingress default/good  1 rule\n\n1 host, 1 backend, 0 errors, 0 warnings");
});

test("each object's mistakes are below it, with level, field and reason", async () => {
  const tuning = `{ alb.ingress.kubernetes.io/target-type: ip }`;
  const { output, errors } = await validated(service + ingress("bad", "none") + ingress("slow", "web", tuning));
  expect(errors).toBe(1);
  expect(output.split("\n")).toEqual([
    "error    Ingress default/bad   1 rule",
    "  error: spec.rules[0].http.paths[0].backend.service.name: there is no Service default/none",
    "warning  Ingress default/slow  1 rule",
    '  warning: metadata.annotations["alb.ingress.kubernetes.io/target-type"]: is not read: it means nothing to the class of this Ingress (ingress-nginx)',
    "warning  IngressClass nginx",
    "  warning: is also in this file, which replaces it",
    "",
    "2 hosts, 1 backend, 1 error, 2 warnings",
  ]);
});

test("a file that is no YAML is an error under its own name", async () => {
  const { output, served, errors } = await validated("kind: [");
  expect({ served, errors }).toEqual({ served: false, errors: 1 });
  expect(output).toMatch(/^error {4}all\.yaml\n {2}error: line 1, column 8: /);
});

test("with Edgeway's own classes alone, others are skipped, and that fails as their hosts would not be served", async () => {
  const own = ingress("own", "web").replaceAll("nginx", "edgeway").replace("k8s.io/ingress-edgeway", controller);
  const { output, served, errors } = await validated(service + own + ingress("other", "web"), { adoptAll: false });
  expect({ served, errors }).toEqual({ served: false, errors: 0 });
  expect(output).toMatch(/^ok {7}Ingress default\/own +1 rule$/m);
  expect(output).toMatch(/^skipped {2}Ingress default\/other\n {2}info: spec\.ingressClassName: not adopted/);
  expect(output).toMatch(/\n\npassed over: 1 Ingress .*--adopt-all.*\n1 host, /);
});

test("objects of which no host would be served fail, and that is said", async () => {
  for (const [text, adoptAll] of [
    [service, true],
    [service + ingress("other", "web"), false],
  ] as const) {
    // oxlint-disable-next-line no-await-in-loop -- they share a file
    const { output, served, errors } = await validated(text, { adoptAll });
    expect({ served, errors }).toEqual({ served: false, errors: 0 });
    expect(output).toMatch(/0 hosts, 0 backends, 0 errors, 0 warnings: nothing would be served$/);
  }
});

test("a Service to which no manifest tells the way is a warning: its cluster may know it", async () => {
  const { output, served } = await validated(service.replace(/, annotations: \{.*?\}/, "") + ingress("good", "web"));
  expect(served).toBe(true);
  expect(output).toContain("warning: the edge cannot reach port 80");
});

test("as JSON there are report, statuses and table", async () => {
  const { output } = await validated(service + ingress("bad", "none"), { json: true });
  const { report, statuses, table } = JSON.parse(output) as Record<string, unknown>;
  expect(report).toEqual([
    {
      source: { kind: "Ingress", namespace: "default", name: "bad", file: "all.yaml" },
      level: "error",
      field: "spec.rules[0].http.paths[0].backend.service.name",
      reason: "there is no Service default/none",
    },
  ]);
  expect(statuses).toEqual([]);
  expect(table).toMatchObject({ cluster: "local", routes: [{ hostnames: ["bad.example.com"] }] });
});

test("a directory without any object is no success", async () => {
  const message = `there are no objects in ${directory}`;
  await expect(validate({ directory, adoptAll: true, json: false })).rejects.toThrow(message);
  await expect(validated("# nothing yet\n", { json: true })).rejects.toThrow(message);
});

test("a directory that is not there is named", async () => {
  await expect(validate({ directory: join(directory, "none"), adoptAll: true, json: false })).rejects.toThrow(/none/);
});
