/** Tables and requests for tests, in few words. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  ClusterTableSchema,
  OriginProtocol,
  type BackendSchema,
  type RouteSchema,
  type RuleSchema,
} from "../proto/gen/edgeway/v1/table_pb.js";
import { decode } from "./decode.ts";
import { match, type Facts } from "./match.ts";
import type { ClusterPart, RouteTable } from "./model.ts";

export type RuleInit = MessageInitShape<typeof RuleSchema>;

export type RouteInit = Omit<MessageInitShape<typeof RouteSchema>, "$typeName">;
export type TableInit = Omit<MessageInitShape<typeof ClusterTableSchema>, "$typeName">;
export type BackendInit = Omit<MessageInitShape<typeof BackendSchema>, "$typeName">;

/** A route; unless `init` says otherwise, its key and its object's name are `name`. */
export function route(name: string, init: RouteInit): RouteInit {
  return { key: name, source: { kind: "HTTPRoute", namespace: "default", name }, ...init };
}

/** A backend of two endpoints, unless `init` says otherwise. */
export function backend(key: string, init: BackendInit = {}): BackendInit {
  return {
    key,
    source: { kind: "Service", namespace: "default", name: "service" },
    protocol: OriginProtocol.HTTP2,
    endpoints: [
      { host: "10.0.0.1", port: 50051 },
      { host: "fd00::1", port: 50051 },
    ],
    ...init,
  };
}

/** The part of a cluster, by its name or more, with the backends "default/a:1", "default/b:1" and "default/c:1". */
export function part(of: string | TableInit, ...routes: RouteInit[]): ClusterPart {
  const backends = ["a", "b", "c"].map((name) => backend(`default/${name}:1`));
  const init = typeof of === "string" ? { cluster: of } : of;
  const decoded = decode(create(ClusterTableSchema, { backends, ...init, routes }));
  if (decoded.issues !== undefined) throw new Error(JSON.stringify(decoded.issues));
  return decoded.part;
}

/** Backend references by weight: `to({ a: 8, b: 2 })`. */
export function to(weights: Readonly<Record<string, number>>): NonNullable<RuleInit["backends"]> {
  return Object.entries(weights).map(([name, weight]) => ({
    target: { case: "backend", value: `default/${name}:1` },
    weight,
  }));
}

export const exact = (value: string) => ({ path: { case: "exactPath", value } }) as const;
export const prefix = (value: string) => ({ path: { case: "pathPrefix", value } }) as const;
export const grpc = (service: string, method = "") =>
  ({ path: { case: "grpcMethod", value: { service, method } } }) as const;

export interface RequestInit {
  readonly method?: string;
  /** The authority as received, if it is not the URL's. */
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: Facts["protocols"];
}

/** What `url` asks for, taken apart without putting anything in it right. */
export function request(url: string, init: RequestInit = {}): Facts {
  const [, scheme, host, path, query] = /^(https?):\/\/([^/]*)([^?]*)\??(.*)$/.exec(url)!;
  return {
    scheme: scheme === "https" ? "https" : "http",
    host: init.host ?? host!,
    path: path!,
    query: query!,
    method: init.method ?? "GET",
    protocols: init.protocols ?? ["http"],
    header: (name) => init.headers?.[name],
  };
}

/** The name of the object whose rule takes the request, and the rule's index: "route#0". */
export function winner(table: RouteTable, url: string, init?: RequestInit): string | undefined {
  const found = match(table, request(url, init));
  return found && `${found.rule.source.name}#${found.rule.source.ruleIndex}`;
}
