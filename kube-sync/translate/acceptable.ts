import { create } from "@bufbuild/protobuf";
import type { ClusterTable, Rule, SourceRef } from "../../proto/gen/edgeway/v1/table_pb.js";
import { BackendRefSchema, ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { Issue } from "../../routes/decode.ts";
import { decode } from "../../routes/decode.ts";
import { invalidTarget } from "./context.ts";

type Source = Pick<SourceRef, "kind" | "namespace" | "name">;

/**
 * The edge takes a table whole or not at all. So that one object does not take all others down, what it would refuse
 * is left out: the routes of the object, or the backends of the Service, whose share then gets an error.
 */
export function keepAcceptable(table: ClusterTable): { table: ClusterTable; issues: Issue[] } {
  const issues: Issue[] = [];
  let kept = table;
  for (;;) {
    const found = decode(kept).issues ?? [];
    issues.push(...found);
    const wrong = new Map(
      found.flatMap(({ source, reason }) => (source ? [[sourceKey(source), reason] as const] : [])),
    );
    // Issues without a source are about the table itself, and leaving out objects does not mend them.
    if (wrong.size === 0) return { table: kept, issues };
    kept = without(kept, wrong);
  }
}

function without(table: ClusterTable, wrong: ReadonlyMap<string, string>): ClusterTable {
  const reasonFor = (source: Source | undefined) => source && wrong.get(sourceKey(source));
  const invalid = new Map<string, string>();
  for (const { key, source } of table.backends) {
    const reason = reasonFor(source);
    if (reason !== undefined) invalid.set(key, `backend ${key} ${reason}`);
  }
  return create(ClusterTableSchema, {
    cluster: table.cluster,
    descriptorSets: table.descriptorSets,
    backends: table.backends.filter(({ key }) => !invalid.has(key)),
    routes: table.routes
      .filter(({ source }) => reasonFor(source) === undefined)
      .map((route) => ({ ...route, rules: route.rules.map((rule) => withInvalid(rule, invalid)) })),
  });
}

function withInvalid(rule: Rule, invalid: ReadonlyMap<string, string>): Rule {
  const backends = rule.backends.map((ref) => {
    const reason = ref.target.case === "backend" ? invalid.get(ref.target.value) : undefined;
    return reason === undefined ? ref : create(BackendRefSchema, { target: invalidTarget(reason), weight: ref.weight });
  });
  return { ...rule, backends };
}

function sourceKey({ kind, namespace, name }: Source): string {
  return `${kind}/${namespace}/${name}`;
}
