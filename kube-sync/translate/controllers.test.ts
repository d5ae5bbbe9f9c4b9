import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compile } from "../../routes/compile.ts";
import { decode } from "../../routes/decode.ts";
import { match } from "../../routes/match.ts";
import { readManifests } from "../manifests.ts";
import { translate } from "./translate.ts";

/** Calls held against the tables of goldens: what answers is what the controller of the manifests would have chosen. */

interface Call {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly rpc?: boolean;
}

/** The backends that a call can reach, with their weights; or what answers it instead. */
function outcome(golden: string, { url, method = "POST", headers = {}, rpc = true }: Call): string {
  const text = readFileSync(join(import.meta.dirname, "testdata", `${golden}.in.yaml`), "utf8");
  const { table } = translate(readManifests(text, "in.yaml").objects, { cluster: "east", adoptAll: true });
  const { protocol, host, pathname, search } = new URL(url);
  const facts = {
    scheme: protocol === "https:" ? ("https" as const) : ("http" as const),
    host,
    path: pathname,
    query: search.slice(1),
    method,
    protocols: rpc ? (["grpc"] as const) : (["http"] as const),
    header: (name: string) => headers[name],
  };
  const rule = match(compile([decode(table).part!]), facts)?.rule;
  if (rule === undefined) return "no route";
  const answer = rule.filters.find(({ kind }) => kind === "redirect" || kind === "directResponse");
  if (answer !== undefined) return `${answer.kind} ${"status" in answer ? answer.status : ""}`;
  const names = rule.backends.map(({ backend, weight }) => [backend?.name ?? "invalid", weight] as const);
  const told = names.map(([name, weight]) => (names.length === 1 ? name : `${name} x${weight}`));
  return told.join(", ").replaceAll("east/", "").replaceAll("default/", "").replaceAll(/:\d+/g, "");
}

const http = "http://a.example.com";

test.each<[golden: string, call: Call, expected: string]>([
  ["istio-order", { url: `${http}/a/b` }, "web"],
  ["istio-order", { url: `${http}/a` }, "web"],
  ["istio-matches", { url: `${http}/prefixed` }, "web"],
  ["istio-matches", { url: `${http}/CASE/x`, headers: { "x-a": "1" } }, "web"],
  ["istio-header-routing", { url: `${http}/x`, headers: { env: "env2" } }, "env2/echo"],
  ["istio-header-routing", { url: `${http}/x`, headers: { env: "env3" } }, "no route"],
  ["istio-narrowest-host", { url: `${http}/only` }, "api"],
  ["istio-narrowest-host", { url: `${http}/other` }, "directResponse 404"],
  ["istio-narrowest-host", { url: "http://b.example.com/other" }, "web"],
  ["istio-delegate", { url: `${http}/shop/cart/1`, headers: { beta: "1" } }, "shop/cart"],
  ["istio-delegate", { url: `${http}/shop/cart/1` }, "shop/shop"],
  ["istio-https-redirect", { url: `${http}/` }, "redirect 301"],
  ["istio-https-redirect", { url: "https://a.example.com/" }, "web"],
  ["gke-before-istio-straight", { url: `${http}/x.Y/Z`, headers: { env: "env1" } }, "env1/echo"],
  [
    "gke-before-istio-through-gateway",
    { url: "https://a.example.com/x.Y/Z", headers: { env: "env1" } },
    "istio-system/istio-ingressgateway",
  ],
  ["ingress-before-istio-paths", { url: `${http}/shop/static/logo` }, "istio-system/static"],
  ["ingress-before-istio-paths", { url: `${http}/shop/cart`, headers: { beta: "1" } }, "web"],
  ["ingress-before-istio-paths", { url: `${http}/shop/other`, headers: { beta: "1" } }, "api"],
  ["aws-group-order", { url: `${http}/api` }, "web"],
  ["aws-group-ssl-redirect", { url: "http://b.example.com/" }, "redirect 301"],
  ["aws-group-ssl-redirect", { url: "https://b.example.com/" }, "api"],
  ["aws-rule-order", { url: `${http}/a/b` }, "api"],
  ["aws-rule-order", { url: `${http}/a/b/c/d` }, "web"],
  ["aws-rule-order", { url: `${http}/a/x` }, "api"],
  ["aws-rule-order", { url: `${http}/z/b` }, "api"],
  ["aws-rule-order", { url: `${http}/z` }, "web"],
  ["aws-condition-header", { url: `${http}/`, headers: { "user-agent": "A CHROME b", "x-v": "v12" } }, "web"],
  ["aws-condition-header", { url: `${http}/`, headers: { "user-agent": "A chrome b", "x-v": "v12x" } }, "no route"],
  ["aws-condition-path", { url: `${http}/v2/x` }, "web"],
  ["aws-condition-path", { url: `${http}/two` }, "no route"],
  ["aws-condition-method-and-query", { url: `${http}/?version=V1.2`, method: "GET" }, "web"],
  ["aws-condition-method-and-query", { url: `${http}/?beta=2`, method: "GET" }, "no route"],
  ["aws-regex-path", { url: `${http}/v12/users` }, "web"],
  ["aws-regex-path", { url: `${http}/plain/users` }, "api"],
  ["alibaba-order", { url: `${http}/a/b` }, "web"],
  ["alibaba-canary-precedence", { url: `${http}/`, headers: { env: "x", cookie: "beta=always" } }, "header"],
  ["alibaba-canary-precedence", { url: `${http}/`, headers: { cookie: "a=b; beta=always; c=d" } }, "cookie"],
  ["alibaba-canary-precedence", { url: `${http}/`, headers: { cookie: "beta=alwaysnot" } }, "web x95, weight x5"],
  ["nginx-canary-precedence", { url: `${http}/`, headers: { "x-canary": "never", cookie: "beta=always" } }, "web"],
  ["nginx-canary-precedence", { url: `${http}/`, headers: { "x-canary": "other", cookie: "beta=always" } }, "api"],
  ["nginx-canary-precedence", { url: `${http}/static/x`, headers: { "x-canary": "always" } }, "web"],
  ["nginx-canary-header-value", { url: `${http}/`, headers: { "x-canary": "never" } }, "web x90, api x10"],
  ["nginx-use-regex", { url: `${http}/V12/users` }, "api"],
  ["nginx-use-regex", { url: `${http}/exactly` }, "web"],
  ["nginx-wildcard-host", { url: "http://x.example.com/" }, "web"],
  ["nginx-wildcard-host", { url: "http://x.y.example.com/" }, "no route"],
  ["nginx-ssl-redirect", { url: `${http}/` }, "redirect 308"],
  ["gateway-isolation", { url: "http://x.example.com/wild" }, "api"],
  ["gateway-isolation", { url: "http://x.example.com/other" }, "directResponse 404"],
  ["gateway-isolation", { url: "http://one.example.com/wild" }, "directResponse 404"],
  ["gateway-isolation", { url: "http://example.org/" }, "web"],
  ["grpc-route-any-call", { url: `${http}/a.B/C` }, "web"],
  ["grpc-route-any-call", { url: `${http}/page`, method: "GET", rpc: false }, "no route"],
  ["grpc-route-regex", { url: `${http}/shop.Cart/ListItems`, headers: { env: "beta" } }, "api"],
  ["grpc-route-regex", { url: `${http}/shop.Cart/ListItems` }, "web"],
  ["http-route-regex", { url: `${http}/v2/x` }, "web"],
  ["http-route-regex", { url: `${http}/api/x?v=2`, headers: { "x-user": "beta-1" } }, "api"],
])("%s: %j goes to %s", (golden, call, expected) => {
  expect(outcome(golden, call)).toBe(expected);
});
