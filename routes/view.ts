/** A request as rules see it. */
import type { CallProtocol, Condition, Scheme, Subject } from "./model.ts";
import { hostOf, parseQuery } from "./request.ts";

/** What a request is matched by. */
export interface Facts {
  readonly scheme: Scheme;
  /** The authority as received: in any case, with or without a port. */
  readonly host: string;
  /** Without query. */
  readonly path: string;
  /** Without "?". */
  readonly query: string;
  readonly method: string;
  /** What the caller speaks, or may speak where the head alone cannot tell; "http" stands last. Never empty. */
  readonly protocols: readonly CallProtocol[];
  /** The value of a header by its lower-case name. */
  header(name: string): string | undefined;
}

/** What a request may speak of which nothing is known yet, such as one that a browser asks about. */
export const everyProtocol: readonly CallProtocol[] = Object.freeze(["connect", "grpc", "grpc-web", "http"]);

/** Whether it is a call of gRPC, gRPC-Web or Connect, or may be one. */
export function mayBeCall({ protocols }: Facts): boolean {
  return protocols[0] !== "http";
}

/** Whether what it speaks, or may speak, is one of `wanted`; of none, everything is. */
export function speaksAny({ protocols }: Facts, wanted: readonly CallProtocol[]): boolean {
  return wanted.length === 0 || protocols.some((protocol) => wanted.includes(protocol));
}

export class View {
  readonly facts: Facts;
  /** As hostnames in the table are written. */
  readonly host: string;
  #params: ReadonlyMap<string, string> | undefined;

  constructor(facts: Facts, host = hostOf(facts.host)) {
    this.facts = facts;
    this.host = host;
  }

  /** The value of a query parameter. The query is not read before the first is asked for. */
  param(name: string): string | undefined {
    this.#params ??= parseQuery(this.facts.query);
    return this.#params.get(name);
  }

  valueOf(subject: Subject): string | undefined {
    switch (subject.kind) {
      case "header":
        return this.facts.header(subject.name);
      case "param":
        return this.param(subject.name);
      case "host":
        return this.host;
      default:
        return this.facts[subject.kind];
    }
  }

  meetsAll(conditions: readonly Condition[]): boolean {
    return conditions.every((condition) => this.meets(condition));
  }

  meets({ subject, pattern, negate }: Condition): boolean {
    const value = this.valueOf(subject);
    const matches = value !== undefined && (pattern === undefined || pattern.matches(value));
    return matches !== negate;
  }
}
