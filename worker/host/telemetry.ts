/** What the edge's isolates count, gathered in one Durable Object for the console. It forgets all when it is evicted. */
import type { DurableObjectNamespace, DurableObjectStub } from "@cloudflare/workers-types";
import { DurableObject } from "cloudflare:workers";
import { Traffic, type TrafficReport, type TrafficView } from "../observe/traffic.ts";

export interface TelemetryMethods {
  report(report: TrafficReport): Promise<void>;
  view(since: number): Promise<TrafficView>;
}

/** The one there is. */
export function telemetry(namespace: DurableObjectNamespace): DurableObjectStub & TelemetryMethods {
  return namespace.get(namespace.idFromName("telemetry")) as DurableObjectStub & TelemetryMethods;
}

export class Telemetry extends DurableObject {
  readonly #traffic = new Traffic(() => Date.now());

  report(report: TrafficReport): void {
    this.#traffic.add(report);
  }

  /** @param since Unix milliseconds, see TrafficView */
  view(since: number): TrafficView {
    return this.#traffic.view(since);
  }
}
