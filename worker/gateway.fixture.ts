/** The whole gateway over one table, where neither chance nor the time of day has a say. */
import type { RouteTable } from "../routes/model.ts";
import type { Clock } from "./call/clock.ts";
import type { Handler } from "./call/http.ts";
import { Gates } from "./gates.ts";
import { createGateway, type GatewayOptions } from "./gateway.ts";

/** Answers calls that come from nobody knows where; `send` plays the origins. */
export function gatewayOf(table: RouteTable, clock: Clock, send: GatewayOptions["send"]): Handler {
  const common = { clock, random: () => 0, now: () => 0 };
  const gates = new Gates({ ...common, fetch });
  return createGateway({ ...common, table: () => table, gates, idleMs: undefined, send })("");
}
