/** Calls that are planned, in few words: by a table of one route, whose rules send to the backend "b" or nowhere. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ClusterTableSchema, OriginProtocol, type RuleSchema } from "../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "../routes/compile.ts";
import { decode } from "../routes/decode.ts";
import type { RouteTable } from "../routes/model.ts";
import { Fields } from "./call/fields.ts";
import type { HttpResponse, RequestHead } from "./call/http.ts";
import { type Plan, plan } from "./plan.ts";

export type RuleInit = MessageInitShape<typeof RuleSchema>;
export type FilterInit = NonNullable<RuleInit["filters"]>[number];

export const options = { random: () => 0, now: () => 0 };
const source = { kind: "HTTPRoute", namespace: "default", name: "r" };

export function tableOf(rule: RuleInit, init: { readonly grpcOnly?: boolean } = {}): RouteTable {
  return tableOfRules([rule], init);
}

export function tableOfRules(rules: RuleInit[], init: { readonly grpcOnly?: boolean } = {}): RouteTable {
  const endpoints = [{ host: "10.0.0.1", port: 80 }];
  const { part, issues } = decode(
    create(ClusterTableSchema, {
      cluster: "east",
      backends: [{ key: "b", source, protocol: OriginProtocol.HTTP2, endpoints }],
      routes: [{ key: "r", source, rules, ...init }],
    }),
  );
  if (issues !== undefined) throw new Error(JSON.stringify(issues));
  return compile([part]);
}

export const toBackend = (...filters: FilterInit[]): RuleInit["backends"] => [
  { target: { case: "backend", value: "b" }, weight: 1, filters },
];

export function head(path: string, fields: Record<string, string> = {}, method = "GET"): RequestHead {
  return { method, scheme: "http", authority: "x.test", path, fields: Fields.from(Object.entries(fields)) };
}

export const grpc = { "content-type": "application/grpc", te: "trailers" };
export const connect = { "content-type": "application/json", "connect-protocol-version": "1" };

export function planned(request: RequestHead, table: RouteTable): Plan {
  const made = plan(request, table, options);
  if (made.plan === undefined) throw new Error(`answered with ${made.answer.head.status}`);
  return made.plan;
}

export function answered(request: RequestHead, table: RouteTable): HttpResponse {
  const made = plan(request, table, options);
  if (made.plan !== undefined) throw new Error("planned");
  return made.answer;
}

export const set = (name: string, value: string) => ({ set: [{ name, value }] });
