import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import type { Issue } from "../../proto/gen/edgeway/v1/sync_pb.js";
import { IssueSchema } from "../../proto/gen/edgeway/v1/sync_pb.js";
import type { Push } from "../agent.ts";
import { readManifests } from "../manifests.ts";
import type { PushOutcome } from "../push.ts";
import { translate } from "../translate/translate.ts";
import { unwanted, wantedAfter } from "./wanted.ts";

const manifests = `
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: edgeway}, spec: {controllerName: edgeway.dev/gateway-controller}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: edge, generation: 1}, spec: {gatewayClassName: edgeway, listeners: [{name: http, port: 80, protocol: HTTP}]}}
---
{apiVersion: gateway.networking.k8s.io/v1, kind: GRPCRoute, metadata: {name: greeter, generation: 1}, spec: {parentRefs: [{name: edge}], hostnames: [a.example.com], rules: [{backendRefs: [{name: web, port: 80}]}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: web, annotations: {edgeway.dev/origin: "grpc://10.0.0.1:80"}}, spec: {ports: [{port: 80}]}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web}, spec: {rules: [{host: b.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}}
`;

const translation = translate(readManifests(manifests, "").objects, { cluster: "east", adoptAll: true });
const address = "edge.example.com";
const now = "2026-01-02T00:00:00Z";

function said(key: string, outcome: PushOutcome, current: unknown = {}): unknown {
  const push: Push = { translation, outcome, translateMs: 0 };
  return wantedAfter(push, address).get(key)?.(current, now);
}

function accepted(...withheld: Issue[]): PushOutcome {
  return { kind: "accepted", revision: 7n, withheld, sent: "whole" };
}

const failed: PushOutcome = { kind: "failed", reason: "away" };

test("a Gateway is programmed, and has its address, once the edge serves it", () => {
  const message = "the edge serves it as of revision 7";
  expect(said("Gateway/default/edge", accepted())).toMatchObject({
    conditions: [
      { type: "Accepted", status: "True" },
      { type: "Programmed", status: "True", message },
    ],
    addresses: [{ type: "Hostname", value: address }],
  });
  const pending = said("Gateway/default/edge", failed);
  expect(pending).toMatchObject({ conditions: [{ status: "True" }, { type: "Programmed", reason: "Pending" }] });
  expect(pending).not.toHaveProperty("addresses");
});

test("an Ingress has the edge's address once that serves it, and keeps it while that does not answer", () => {
  const served = { loadBalancer: { ingress: [{ hostname: address }] } };
  expect(said("Ingress/default/web", accepted())).toEqual(served);
  expect(said("Ingress/default/web", failed)).toBeUndefined();
  expect(said("Ingress/default/web", failed, served)).toBeUndefined();
  const ref = { kind: "Ingress", namespace: "default", name: "other", file: "" };
  expect(unwanted(ref, address)?.(served, now)).toEqual({ loadBalancer: { ingress: [] } });
  expect(unwanted(ref, undefined)).toBeUndefined();
});

test("an Ingress that the edge withholds has no address, and loses the one that it had", () => {
  const source = { kind: "Ingress", namespace: "default", name: "web" };
  const withheld = accepted(create(IssueSchema, { source, reason: "the cluster is not granted b.example.com" }));
  expect(said("Ingress/default/web", withheld)).toBeUndefined();
  const served = { loadBalancer: { ingress: [{ hostname: address }] } };
  expect(said("Ingress/default/web", withheld, served)).toEqual({ loadBalancer: { ingress: [] } });
});

test("a route that the edge withholds is not accepted, and says why", () => {
  const source = { kind: "GRPCRoute", namespace: "default", name: "greeter" };
  const reason = "the cluster is not granted a.example.com";
  expect(said("GRPCRoute/default/greeter", accepted(create(IssueSchema, { source, reason })))).toMatchObject({
    parents: [
      { conditions: [{ type: "Accepted", status: "False", reason: "HostnameNotGranted", message: reason }, {}] },
    ],
  });
  expect(said("GRPCRoute/default/greeter", accepted())).toMatchObject({
    parents: [{ conditions: [{ type: "Accepted", status: "True" }, { type: "ResolvedRefs" }] }],
  });
});
