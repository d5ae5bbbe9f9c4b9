/** What an agent is refused for. */
import { Code, ConnectError } from "@connectrpc/connect";

const codes = {
  /** It has no token, or one without what it must have. */
  unauthenticated: Code.Unauthenticated,
  /** Its token is for another audience, or of another issuer or account, than any cluster's. */
  unknown: Code.Unauthenticated,
  /** The token's signature, or the body that it was made for, is another. */
  forged: Code.Unauthenticated,
  /** Or it is of a time to come. */
  expired: Code.Unauthenticated,
  /** It was seen before, or is older than what was seen. */
  replayed: Code.Aborted,
  /** It is about another cluster's part. */
  foreign: Code.PermissionDenied,
  too_large: Code.ResourceExhausted,
  /** The table has issues. */
  invalid: Code.InvalidArgument,
  /** A delta against another revision than the current one. */
  wrong_base: Code.FailedPrecondition,
  /** It is to be forgotten, and its agent was heard. */
  alive: Code.FailedPrecondition,
  /** It is to be forgotten, and has not pushed. */
  absent: Code.NotFound,
  /** The issuer's keys cannot be had. */
  unavailable: Code.Unavailable,
} as const;

export type Why = keyof typeof codes;

export class Refused extends ConnectError {
  readonly why: Why;
  /** What came instead, which is for the edge's own log alone: an agent's word, of any length. */
  got: string | undefined;

  constructor(why: Why, message: string, details?: ConstructorParameters<typeof ConnectError>[3]) {
    super(message, codes[why], undefined, details);
    this.why = why;
  }
}
