/** The route table: what an agent sends, compiled, and requests held against it. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type ClusterTable, ClusterTableSchema } from "../../../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "../../../routes/compile.ts";
import { decode } from "../../../routes/decode.ts";
import { explain } from "../../../routes/explain.ts";
import { match, type Facts } from "../../../routes/match.ts";
import type { ClusterPart, RouteTable } from "../../../routes/model.ts";
import { check, kindOf, one, Refusal, same, type Target, unless } from "../target.ts";
import { goldens } from "./goldens.ts";
import { changeMessage } from "./messages.ts";
import { readManifests } from "../../../kube-sync/manifests.ts";
import { translate } from "../../../kube-sync/translate/translate.ts";

const texts = [
  "",
  "/",
  "/a",
  "/a/",
  "//",
  "/%2e",
  "/a?b",
  "a",
  "x-a",
  "X-A",
  ":path",
  "connection",
  "a.example.com",
  "*.example.com",
  "*",
  "A.example.com",
  "10.0.0.1",
  "::1",
  "[::1]:80",
  "GET",
  "https",
  "https://a.example.com",
  "a.*",
  "(a|b)+",
  "(",
  "(a*)*",
  "[[:alpha:]]{1,1000}",
  "\\1",
  "\\9\\0",
  "__proto__",
  "constructor",
  "é",
  "\u0000",
  "0".repeat(64),
];

const tables: readonly ClusterTable[] = goldens(17).map((text) => {
  const { objects } = readManifests(text, "in.yaml");
  return translate(objects, { cluster: "east", adoptAll: true }).table;
});

/** Requests that tell parts of the index from one another. */
function requestsFor(part: ClusterPart): Facts[] {
  const hostnames = part.routes.flatMap((route) => route.hostnames).slice(0, 3);
  const hosts = ["a.example.com", "", "x.:1", ...hostnames.map((name) => name.replace("*", "b"))];
  const matches = part.routes.flatMap(({ rules }) => rules.flatMap((rule) => rule.matches)).slice(0, 4);
  const paths = ["", "/", "//a", "/a/b", "*", ...matches.flatMap(({ path }) => Object.values(path))];
  return hosts.flatMap((host, i) =>
    paths.map((path, j): Facts => {
      const query = j % 2 === 0 ? "a=b&%zz=%41&__proto__=1" : "";
      const scheme = i % 2 === 0 ? "http" : "https";
      return {
        scheme,
        host,
        path,
        query,
        method: "GET",
        protocols: j % 3 === 0 ? ["connect", "http"] : ["http"],
        header: () => (j % 4 === 0 ? "a" : undefined),
      };
    }),
  );
}

function checkFrozen(value: unknown, seen: Set<object>, path: string): void {
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  check(Object.isFrozen(value), `${path} is not frozen`);
  for (const [key, inner] of Object.entries(value)) checkFrozen(inner, seen, `${path}.${key}`);
}

/** What the table says of each request, as the comparison of two tables needs it. */
function answers(table: RouteTable, requests: readonly Facts[]): unknown[] {
  return requests.map((facts) => {
    const found = match(table, facts);
    return found && [found.hostname, found.rule.source, found.match.index];
  });
}

function checkTable(part: ClusterPart): string {
  const table = compile([part]);
  checkFrozen(table, new Set(), "table");
  const requests = requestsFor(part);
  const found = answers(table, requests);
  const last = requests.at(-1)!;
  const wins = explain(table, last).find(({ outcome }) => outcome === "wins");
  same(wins?.candidate.rule.source, match(table, last)?.rule.source, "what explain says");
  return `${Math.min(part.routes.length, 9)} ${Math.min(part.backends.length, 9)} ${found.filter(Boolean).length}`;
}

export const table: Target = {
  seeds: tables.map((message) => toBinary(ClusterTableSchema, message)).filter((bytes) => bytes.length < 4096),
  tokens: texts,
  generate(random) {
    const message = create(
      ClusterTableSchema,
      structuredClone(random.below(10) === 0 ? { cluster: "east" } : one(random, tables)),
    );
    changeMessage(ClusterTableSchema, message, texts, random, 4);
    return toBinary(ClusterTableSchema, message);
  },
  run(input) {
    // What is no message at all is refused by the library before it gets here.
    const message = unless(Error, () => fromBinary(ClusterTableSchema, input));
    if (message instanceof Refusal) return "no message";
    const { part, issues } = decode(message);
    const again = decode(fromBinary(ClusterTableSchema, toBinary(ClusterTableSchema, message)));
    same(again.issues, issues, "the same message again");
    if (issues !== undefined)
      return issues
        .map(({ reason }) => kindOf(reason))
        .slice(0, 2)
        .join(" ");
    return checkTable(part);
  },
};
