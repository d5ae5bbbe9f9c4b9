/** What the process that has the table and those that take calls say to each other. */
import type { ProcessState } from "../../worker/observe/processes.ts";
import type { TrafficReport } from "../../worker/observe/traffic.ts";
import type { ServeOptions } from "./options.ts";

export type ToWorker =
  /** The first one: what to do, and the port on which `/_edgeway/` is served to workers. */
  | { readonly kind: "start"; readonly serve: ServeOptions; readonly table: Uint8Array; readonly adminPort: number }
  | { readonly kind: "table"; readonly table: Uint8Array }
  /** Read the certificates' files again. */
  | { readonly kind: "reload" }
  /** Finish the calls under way, and exit. */
  | { readonly kind: "drain" };

export type FromWorker =
  | { readonly kind: "ready"; readonly ports: readonly number[] }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "log"; readonly line: string }
  | { readonly kind: "traffic"; readonly report: TrafficReport }
  | { readonly kind: "process"; readonly state: ProcessState };
