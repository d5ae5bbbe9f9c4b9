/**
 * The gateway, where one process does it all: a call is planned by the table of the moment it came, and carried out.
 * On Cloudflare the two halves run in two places (worker/host/cloudflare.ts, worker/host/origin-pool.ts).
 */
import type { RouteTable } from "../routes/model.ts";
import type { Answer, Cancel, Handler, HttpRequest } from "./call/http.ts";
import { decisionOf, inspected, withDecision } from "./inspect.ts";
import { exchangeObserved, observeAnswered, type ObservedOptions } from "./observed.ts";
import { plan, type Planned, type PlanOptions } from "./plan.ts";

export interface GatewayOptions extends ObservedOptions, PlanOptions {
  /** The table now. */
  readonly table: () => RouteTable;
  /** Whoever has it is told how his calls were routed, see inspect.ts. Undefined: nobody. */
  readonly inspectToken?: string | undefined;
}

/** Answers every request by the table: those that come from an address; empty: nobody knows. */
export function createGateway(options: GatewayOptions): (address: string) => Handler {
  return (address) => (request, answer) => handle(request, answer, options, address);
}

function handle({ head: asked, body }: HttpRequest, answer: Answer, options: GatewayOptions, address: string): Cancel {
  const table = options.table();
  const inspecting = inspected(asked, options.inspectToken);
  const head = inspecting ?? asked;
  const planned = plan(head, table, options, address);
  const told = inspecting === undefined ? answer : tell(answer, planned, table.revision);
  if (planned.plan !== undefined) return exchangeObserved(planned.plan, head, body, options, told);
  told.respond(planned.answer);
  observeAnswered(planned, head, table.revision, options.observation);
  return () => {};
}

function tell(answer: Answer, planned: Planned, revision: bigint): Answer {
  const decision = decisionOf(planned, revision);
  return {
    respond: (response) => answer.respond(withDecision(response, decision)),
    fail: (error) => answer.fail(error),
  };
}
