import { expect, test } from "vitest";
import { readManifests } from "./manifests.ts";
import { tellPassedOver } from "./passed-over.ts";
import type { ReportEntry } from "./report.ts";
import { translate } from "./translate/translate.ts";

const CLASSES = `
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: { name: nginx }
spec: { controller: k8s.io/ingress-nginx }
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: { name: edgeway }
spec: { controller: edgeway.dev/ingress-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: envoy }
spec: { controllerName: gateway.envoyproxy.io/gatewayclass-controller }
`;

function ingress(name: string, className?: string): string {
  const ofClass = className === undefined ? "" : `ingressClassName: ${className}, `;
  return `
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: ${name} }
spec: { ${ofClass}rules: [{ host: ${name}.example.com }] }
`;
}

function gateway(name: string, className: string): string {
  return `
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: ${name} }
spec: { gatewayClassName: ${className}, listeners: [{ name: http, protocol: HTTP, port: 80 }] }
`;
}

function reportOf(objects: string, adoptClasses: readonly string[] = []): readonly ReportEntry[] {
  const options = { cluster: "east", adoptAll: false, adoptClasses: new Set(adoptClasses) };
  return translate(readManifests(CLASSES + objects, "in.yaml").objects, options).report;
}

test("says of each class how many objects were passed over, and which options adopt them", () => {
  const objects = [
    ...["a", "b", "c"].map((name) => ingress(name, "nginx")),
    ingress("d"),
    ingress("ours", "edgeway"),
    ...["x", "y"].map((name) => gateway(name, "envoy")),
  ];
  const { line } = tellPassedOver(reportOf(objects.join("")));
  expect(line).toBe(
    'passed over: 3 Ingresses of class "nginx", 2 Gateways of class "envoy", 1 Ingress without a class; ' +
      "edgeway sync --adopt-class NAME takes those of a class, --adopt-all every one",
  );
});

test("says nothing where nothing is passed over", () => {
  expect(tellPassedOver(reportOf(ingress("ours", "edgeway"))).line).toBeUndefined();
  expect(tellPassedOver(reportOf(ingress("a", "nginx"), ["nginx"])).line).toBeUndefined();
});

test("names a class that the cluster does not have", () => {
  const { line } = tellPassedOver(reportOf(ingress("a", "none")));
  expect(line).toContain('1 Ingress of class "none";');
});

test("says a class once, and one that comes later alone", () => {
  const first = tellPassedOver(reportOf(ingress("a", "nginx")));
  const more = tellPassedOver(reportOf(ingress("a", "nginx") + ingress("b", "nginx")), first.told);
  expect(more.line).toBeUndefined();
  const other = tellPassedOver(reportOf(ingress("a", "nginx") + gateway("x", "envoy")), more.told);
  expect(other.line).toMatch(/^passed over: 1 Gateway of class "envoy";/);
});

test("names without a class only the option that takes them", () => {
  const { line } = tellPassedOver(reportOf(ingress("a")));
  expect(line).toBe("passed over: 1 Ingress without a class; edgeway sync --adopt-all takes every one");
});

test("of very many classes names the largest", () => {
  const objects = Array.from({ length: 50 }, (_, i) => ingress(`one-${i}`, `class-${i}`));
  const { line } = tellPassedOver(reportOf(ingress("a", "big") + ingress("b", "big") + objects.join("")));
  expect(line).toMatch(/^passed over: 2 Ingresses of class "big", .*, 43 objects of 43 other classes;/);
});
