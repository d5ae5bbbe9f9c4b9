/** `explain` against the router, for the table of every golden of the translation. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readManifests } from "../../kube-sync/manifests.ts";
import { translate } from "../../kube-sync/translate/translate.ts";
import { candidatesOf, compile } from "../../routes/compile.ts";
import { decode } from "../../routes/decode.ts";
import type { Candidate, PathMatch, RouteTable, RuleSource } from "../../routes/model.ts";
import { explainRequest } from "../../worker/admin/explain.ts";
import { Fields } from "../../worker/call/fields.ts";
import type { RequestHead } from "../../worker/call/http.ts";
import { plan } from "../../worker/plan.ts";

const testdata = join(import.meta.dirname, "../../kube-sync/translate/testdata");
const names = readdirSync(testdata)
  .filter((file) => file.endsWith(".in.yaml"))
  .map((file) => file.slice(0, -".in.yaml".length));

function tableOf(name: string): RouteTable {
  const text = readFileSync(join(testdata, `${name}.in.yaml`), "utf8");
  const adoptAll = !text.startsWith("# adoptAll: false\n");
  // Two clusters that have the same objects share them.
  const parts = ["east", "west"].map((cluster) => {
    const { part, issues } = decode(translate(readManifests(text, "in.yaml").objects, { cluster, adoptAll }).table);
    if (part === undefined) throw new Error(JSON.stringify(issues));
    return part;
  });
  return compile(parts);
}

function pathFor(path: PathMatch): string {
  switch (path.kind) {
    case "exact":
    case "prefix":
      return path.path;
    case "service":
      return `/${path.service}/Any`;
    case "method":
      return `/any.Service/${path.method}`;
  }
}

/** Requests that the candidate's rule takes, unless another goes before it, and some like them. */
function requestsFor({ hostname, route, match }: Candidate): RequestHead[] {
  const host = hostname === "" ? "any.test" : hostname.replace("*", "sub");
  const path = pathFor(match.path);
  const query = match.params.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
  const grpc: [string, string][] = [["content-type", "application/grpc"]];
  const headers = [...match.headers] as [string, string][];
  const head = (more: Partial<RequestHead>, fields: [string, string][]): RequestHead => ({
    method: match.method ?? "GET",
    scheme: route.schemes[0] ?? "https",
    authority: host,
    path: query === "" ? path : `${path}?${query}`,
    ...more,
    fields: Fields.from(fields),
  });
  return [
    head({}, headers),
    head({ method: "POST" }, [...headers, ...grpc]),
    head({ path }, []),
    head({ path: `${path.replace(/\/$/, "")}/deeper` }, headers),
    head({ authority: `other.${host}`, scheme: "http" }, headers),
  ];
}

const sourceOf = ({ cluster, kind, namespace, name, ruleIndex }: RuleSource) => ({
  cluster,
  kind,
  namespace,
  name,
  ruleIndex,
});

describe.each(names)("%s", (name) => {
  const table = tableOf(name);
  const requests = table.parts.flatMap((part) => part.routes.flatMap(candidatesOf)).flatMap(requestsFor);

  test("explain names the rule by which the router sends", () => {
    for (const head of requests) {
      const planned = plan(head, table, { random: () => 0, now: () => 0 });
      const routed = planned.plan?.rule ?? (planned.plan === undefined ? planned.rule : undefined);
      const { winner, rules, refused } = explainRequest(head, table);
      if (refused !== null) continue;
      const asked = `${head.method} ${head.scheme}://${head.authority}${head.path} ${head.fields.flat.join(" ")}`;
      const [first] = rules.filter(({ outcome }) => outcome === "wins");
      expect(first && sourceOf(first), asked).toEqual(winner === null ? undefined : sourceOf(winner));
      // What several clusters share is sent by the rule of one of them.
      const own = winner === null ? [] : rules.filter(({ outcome }) => outcome !== "loses").map(sourceOf);
      if (routed === undefined) expect(winner, asked).toBeNull();
      else expect(own, asked).toContainEqual(sourceOf(routed));
    }
  });
});
