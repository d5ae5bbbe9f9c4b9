/**
 * The gateway, where one process does it all: a call is planned by the table of the moment it came, and carried out.
 * On Cloudflare the two halves run in two places (worker/host/cloudflare.ts, worker/host/origin-pool.ts).
 */
import type { RouteTable } from "../routes/model.ts";
import { admitted, type AdmissionOptions } from "./admission.ts";
import { CallError } from "./call/error.ts";
import type { Answer, Cancel, Handler, HttpRequest } from "./call/http.ts";
import { Code } from "./call/status.ts";
import { decisionOf, inspected, withDecision } from "./inspect.ts";
import { exchangeObserved, observeAnswered, type ObservedOptions } from "./observed.ts";
import { plan, type Planned, type PlanOptions } from "./plan.ts";

export interface GatewayOptions extends ObservedOptions, PlanOptions, AdmissionOptions {
  /** The table now. */
  readonly table: () => RouteTable;
  /** Whoever has it is told how his calls were routed, see inspect.ts. Undefined: nobody. */
  readonly inspectToken?: string | undefined;
}

/** Answers every request by the table: those that come from an address; empty: nobody knows. */
export function createGateway(options: GatewayOptions): (address: string) => Handler {
  return (address) => (request, answer) => handle(request, answer, options, address);
}

function handle(request: HttpRequest, answer: Answer, options: GatewayOptions, address: string): Cancel {
  const table = options.table();
  const inspecting = inspected(request.head, options.inspectToken);
  const asked = inspecting === undefined ? request : { ...request, head: inspecting };
  const planned = plan(asked.head, table, options, address);
  const told = inspecting === undefined ? answer : tell(answer, planned, table.revision);
  if (planned.gated === undefined) return carryOut(planned, asked, options, table, told);
  return pass(planned, asked, { options, table, address }, told);
}

function carryOut(
  planned: Planned,
  { head, body }: HttpRequest,
  options: GatewayOptions,
  table: RouteTable,
  answer: Answer,
): Cancel {
  if (planned.plan !== undefined) return exchangeObserved(planned.plan, head, body, options, answer);
  answer.respond(planned.answer);
  observeAnswered(planned, head, table.revision, options.observation);
  return () => {};
}

/** Carries a call out once it has passed its rule's gates; its caller may leave before that. */
function pass(
  planned: Planned,
  request: HttpRequest,
  { options, table, address }: { options: GatewayOptions; table: RouteTable; address: string },
  answer: Answer,
): Cancel {
  let reason: CallError | undefined;
  let cancel: Cancel | undefined;
  const call = admitted(planned, request.head, address, options.clock.now(), options).then((passed) => {
    if (reason !== undefined) return request.body.cancel(reason);
    cancel = carryOut(passed, request, options, table, answer);
  });
  // Whoever would hear of a defect, had there been no gate, has gone on.
  call.catch((cause) => {
    const error = new CallError(Code.INTERNAL, "the gateway failed", { side: "edge", cause });
    request.body.cancel(error);
    answer.fail(error);
  });
  return (why) => {
    reason = why;
    cancel?.(why);
  };
}

function tell(answer: Answer, planned: Planned, revision: bigint): Answer {
  const decision = decisionOf(planned, revision);
  return {
    respond: (response) => answer.respond(withDecision(response, decision)),
    fail: (error) => answer.fail(error),
  };
}
