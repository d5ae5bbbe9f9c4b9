/** Says where a request goes: by manifests, read as agents do and compiled as the edge does, or by an edge's own table. */
import { type Explanation, explainRequest } from "../../worker/admin/explain.ts";
import type { RequestHead } from "../../worker/call/http.ts";
import { askEdge, type EdgeSource } from "../edge.ts";
import { readTable } from "../manifest-table.ts";
import type { TableSource } from "../table-source.ts";
import { printText } from "./print.ts";

export interface ExplainOptions {
  readonly head: RequestHead;
  readonly from: TableSource;
  readonly json: boolean;
  /** Gets what is wrong with the manifests. */
  readonly log: (line: string) => void;
}

/** @throws Error if a directory cannot be read, or the edge not asked */
export async function explainTarget({ head, from, json, log }: ExplainOptions): Promise<{
  output: string;
  found: boolean;
}> {
  const explanation =
    "edge" in from ? await askFor(head, from.edge) : explainRequest(head, await readTable(from.manifests, log));
  const { refused, winner } = explanation;
  if (refused !== null) throw new Error(`the edge refuses this before it looks for a rule: ${refused}`);
  const output = json ? JSON.stringify(explanation, undefined, 2) : printText(explanation);
  return { output, found: winner !== null };
}

function askFor({ method, scheme, authority, path, fields }: RequestHead, edge: EdgeSource): Promise<Explanation> {
  return askEdge(edge, "explain", "winner", { url: `${scheme}://${authority}${path}`, method, headers: [...fields] });
}
