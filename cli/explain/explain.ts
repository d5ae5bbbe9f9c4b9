/** Reads manifests as agents do, compiles them as the edge does, and says where a request goes. */
import { systemClock } from "../../kube-sync/clock.ts";
import { formatEntry } from "../../kube-sync/report.ts";
import { watchFiles } from "../../kube-sync/source-files.ts";
import { Store } from "../../kube-sync/store.ts";
import { translate } from "../../kube-sync/translate/translate.ts";
import { compile } from "../../routes/compile.ts";
import { decode } from "../../routes/decode.ts";
import { explain } from "../../routes/explain.ts";
import { match } from "../../routes/match.ts";
import type { ClusterPart } from "../../routes/model.ts";
import type { RequestHead } from "../../worker/call/http.ts";
import { factsOf, protocolsOf } from "../../worker/plan.ts";
import { detect } from "../../worker/protocol/index.ts";
import type { ManifestsSource } from "../manifests.ts";
import { printJson, printText } from "./print.ts";

export interface ExplainOptions {
  readonly head: RequestHead;
  readonly manifests: readonly ManifestsSource[];
  readonly json: boolean;
  /** Gets what is wrong with the manifests. */
  readonly log: (line: string) => void;
}

/** @throws Error if a directory cannot be read. */
export async function explainTarget(options: ExplainOptions): Promise<{ output: string; found: boolean }> {
  const { head, manifests, json, log } = options;
  const parts = await Promise.all(manifests.map((source) => readPart(source, log)));
  const table = compile(parts);
  const accepted = detect(head);
  if (accepted.kind === "refused")
    throw new Error(`the edge refuses this before it looks for a rule: ${accepted.error.message}`);
  const facts = factsOf(head, head.method, protocolsOf(accepted));
  const explanation = {
    head,
    call: accepted.kind === "rpc",
    found: match(table, facts),
    verdicts: explain(table, facts),
  };
  return { output: json ? printJson(explanation) : printText(explanation), found: explanation.found !== undefined };
}

async function readPart({ cluster, directory }: ManifestsSource, log: (line: string) => void): Promise<ClusterPart> {
  const store = new Store();
  const files = await watchFiles({
    directory,
    clock: systemClock,
    random: Math.random,
    onError: log,
    onRead: ({ objects, report }) => {
      for (const entry of report) log(`${cluster}: ${formatEntry(entry)}`);
      store.replace(objects);
    },
  });
  files.close();
  const { table, report } = translate(store.objects(), { cluster, adoptAll: true });
  for (const entry of report) if (entry.level === "error") log(`${cluster}: ${formatEntry(entry)}`);
  const { part, issues } = decode(table);
  if (part === undefined)
    throw new Error(`${directory}: ${issues.map(({ field, reason }) => `${field} ${reason}`).join("; ")}`);
  return part;
}
