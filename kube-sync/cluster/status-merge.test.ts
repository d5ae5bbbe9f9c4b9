import { expect, test } from "vitest";
import type { Condition } from "../translate/status.ts";
import { conditionsOf, programmed } from "../translate/status.ts";
import { clearIngress, mergeConditions, mergeGateway, mergeIngress, mergeParents } from "./status-merge.ts";

const now = "2026-01-02T00:00:00Z";
const before = "2026-01-01T00:00:00Z";
const { yes, no, pending } = conditionsOf(3);

/** As the API server gives it back. */
const kept = (condition: Condition, at = before) => ({ ...condition, lastTransitionTime: at });

test("conditions that are there already are not written", () => {
  expect(mergeConditions([yes("Accepted")])({ conditions: [kept(yes("Accepted"))] }, now)).toBeUndefined();
});

test("the time of a transition is that of the status, not of its reason", () => {
  const current = { conditions: [kept(no("Accepted", "Old", "")), kept(yes("Other"))] };
  const wanted = [no("Accepted", "New", "why"), no("Other", "Now", "")];
  expect(mergeConditions(wanted)(current, now)).toEqual({ conditions: [kept(wanted[0]!), kept(wanted[1]!, now)] });
});

test.each([undefined, null, "text", { conditions: "none" }, { conditions: [7] }])(
  "whatever stands in a status, %j, is written over",
  (current) => {
    expect(mergeConditions([yes("Accepted")])(current, now)).toEqual({ conditions: [kept(yes("Accepted"), now)] });
  },
);

test("what is served since a revision is served in later ones, and while a push fails; not so another generation", () => {
  const gateway = (condition: Condition) =>
    mergeGateway({ conditions: [condition], listeners: [], address: undefined });
  const current = { conditions: [kept(programmed(pending(), 7n))] };
  expect(gateway(programmed(pending(), 8n))(current, now)).toBeUndefined();
  expect(gateway(pending())(current, now)).toBeUndefined();
  expect(gateway(no("Programmed", "Invalid", "broken"))(current, now)).toBeDefined();
  const next = conditionsOf(4);
  expect(gateway(next.pending())(current, now)).toMatchObject({ conditions: [kept(next.pending(), now)] });
  expect(gateway(programmed(next.pending(), 9n))(current, now)).toMatchObject({
    conditions: [kept(programmed(next.pending(), 9n))],
  });
});

test("a Gateway's address is a host name or an IP address, and its listeners keep their times", () => {
  const listener = { name: "http", attachedRoutes: 1, supportedKinds: [], conditions: [yes("Accepted")] };
  const current = { listeners: [{ name: "http", conditions: [kept(yes("Accepted"))] }] };
  const merged = (address: string) => mergeGateway({ conditions: [], listeners: [listener], address })(current, now);
  expect(merged("edge.example.com")).toEqual({
    conditions: [],
    listeners: [{ ...listener, conditions: [kept(yes("Accepted"))] }],
    addresses: [{ type: "Hostname", value: "edge.example.com" }],
  });
  expect(merged("192.0.2.1")).toMatchObject({ addresses: [{ type: "IPAddress", value: "192.0.2.1" }] });
});

test("of a route's parents only Edgeway's own are written, and taken away", () => {
  const foreign = { controllerName: "example.com/other", parentRef: { name: "edge" }, conditions: [{ odd: true }] };
  const controllerName = "edgeway.dev/gateway-controller";
  const own = { controllerName, parentRef: { name: "edge" }, conditions: [yes("Accepted")] };
  const written = { ...own, conditions: [kept(yes("Accepted"), now)] };
  expect(mergeParents([own])({ parents: [foreign] }, now)).toEqual({ parents: [foreign, written] });
  expect(mergeParents([own])({ parents: [foreign, written] }, now)).toBeUndefined();
  expect(mergeParents([])({ parents: [foreign, written] }, now)).toEqual({ parents: [foreign] });
  expect(mergeParents([])({ parents: [foreign] }, now)).toBeUndefined();
  expect(mergeParents([])(undefined, now)).toBeUndefined();
});

test("an Ingress gets the edge's address, and loses that one alone", () => {
  const served = { loadBalancer: { ingress: [{ hostname: "edge.example.com" }] } };
  expect(mergeIngress("edge.example.com")({ loadBalancer: {} }, now)).toEqual(served);
  expect(mergeIngress("edge.example.com")(served, now)).toBeUndefined();
  expect(clearIngress("edge.example.com")(served, now)).toEqual({ loadBalancer: { ingress: [] } });
  expect(clearIngress("edge.example.com")({ loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } }, now)).toBeUndefined();
});
