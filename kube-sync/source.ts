import type { Clock, Random } from "./clock.ts";
import type { ReportEntry } from "./report.ts";
import type { Store } from "./store.ts";

/** What a source of objects is given. */
export interface SourceContext {
  /** To be kept equal to what there is. */
  readonly store: Store;
  /** Something in the store that matters is another now. */
  readonly changed: () => void;
  /** All that is wrong with what could not be put into the store. */
  readonly report: (entries: readonly ReportEntry[]) => void;
  readonly log: (line: string) => void;
  readonly clock: Clock;
  readonly random: Random;
  /** Ends the source. */
  readonly signal: AbortSignal;
}

/**
 * Where a cluster's objects come from. Resolves once the store holds them all.
 * @throws an Error in one line when there is nothing to read from.
 */
export type Source = (context: SourceContext) => Promise<void>;
