/** What sending a call goes by. */
import type { Backend } from "../../routes/model.ts";
import type { Hedging, Retry, SessionPersistence, Timeouts } from "../../routes/policies.ts";
import type { Answer } from "../call/http.ts";
import type { Endpoint } from "./pool.ts";

/** Where a call goes, and how often. */
export interface Routing {
  /** The backend that was chosen, then those that may stand in for it, in this order. Not empty. */
  readonly targets: readonly Backend[];
  readonly timeouts: Timeouts | undefined;
  readonly retry: Retry | undefined;
  readonly hedging: Hedging | undefined;
  readonly session: Session | undefined;
  /** By what consistent hashing chooses. Undefined: the call has no such key, and goes anywhere. */
  readonly hashKey: string | undefined;
}

/** A call's part in a session. */
export interface Session extends Pick<SessionPersistence, "carrier" | "name"> {
  /** The endpoint that the caller names, by its id. Undefined: none yet, or its time is over. */
  readonly endpoint: string | undefined;
  /** What a caller is given behind the id of another endpoint. */
  readonly suffix: string;
  /** Of its cookie. */
  readonly attributes: string;
}

/** Where a call's answer goes, and what is told of its way. */
export interface CallAnswer extends Answer {
  /** It is sent to an endpoint of `backend`: for the first time, again, or besides. */
  attempted(backend: string, endpoint: Endpoint): void;
}
