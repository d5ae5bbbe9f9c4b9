/**
 * The gateway, where one process does it all: a call is planned by the table of the moment it came, and carried out.
 * On Cloudflare the two halves run in two places (worker/host/cloudflare.ts, worker/host/origin-pool.ts).
 */
import type { RouteTable } from "../routes/model.ts";
import type { Handler } from "./call/http.ts";
import { exchange, type ExchangeOptions } from "./exchange.ts";
import { plan } from "./plan.ts";

export interface GatewayOptions extends ExchangeOptions {
  /** The table now. */
  readonly table: () => RouteTable;
  /** In [0, 1), uniformly. */
  readonly random: () => number;
}

/** Answers every request by the table. */
export function createGateway(options: GatewayOptions): Handler {
  return (request, answer) => {
    const planned = plan(request.head, options.table(), options.random);
    if (planned.plan !== undefined) return exchange(planned.plan, request.body, options, answer);
    answer.respond(planned.answer);
    return () => {};
  };
}
