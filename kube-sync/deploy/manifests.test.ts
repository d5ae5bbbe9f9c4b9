import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { watchedKinds } from "../cluster/resources.ts";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const documents = parseAllDocuments(readFileSync(join(import.meta.dirname, "manifests", "rbac.yaml"), "utf8"));
const objects = documents.map((document) => document.toJS() as { readonly kind: string; readonly rules?: Rule[] });
const rules = objects.find(({ kind }) => kind === "ClusterRole")!.rules!;

test("the ClusterRole grants reading of the kinds that are watched, and of nothing else", () => {
  const read = rules.filter(({ verbs }) => verbs.includes("watch"));
  const granted = read.flatMap(({ apiGroups, resources, verbs }) => {
    expect(verbs).toEqual(["get", "list", "watch"]);
    return resources.map((resource) => `${apiGroups.join(",")}/${resource}`);
  });
  expect(granted.toSorted()).toEqual(watchedKinds.map(({ group, plural }) => `${group}/${plural}`).toSorted());
});

test("the ClusterRole grants writing of nothing but statuses and Events", () => {
  const write = rules.filter(({ verbs }) => !verbs.includes("watch"));
  for (const { resources, verbs } of write) {
    if (resources.join(",") === "events") expect(verbs).toEqual(["get", "create", "patch"]);
    else expect([...resources.filter((name) => !name.endsWith("/status")), ...verbs]).toEqual(["patch"]);
  }
});
