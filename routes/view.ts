/** A request as rules see it. */
import type { Condition, Scheme, Subject } from "./model.ts";
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
  /** Whether it is a call of gRPC, gRPC-Web or Connect, or may be one. */
  readonly rpc: boolean;
  /** The value of a header by its lower-case name. */
  header(name: string): string | undefined;
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
