/** Who calls the sync service, and what he may write. */
import { timingSafeEqual } from "hono/utils/buffer";
import { decodeJwt } from "jose";
import type { Cluster } from "./clusters.ts";
import { KeyPairVerifier } from "./key-pair.ts";
import { Refused } from "./refused.ts";
import { ServiceAccountVerifier } from "./service-account.ts";

export interface Identity {
  /** The one cluster that the caller may write. Undefined: every one. */
  readonly cluster: string | undefined;
  /**
   * Holds what the caller proved himself by against the request's body, uncompressed, and remembers it.
   *
   * @throws Refused if it was made for another, or was seen before
   */
  confirm(body: Uint8Array): Promise<void>;
}

/** @throws Refused */
export type Authenticate = (authorization: string | null) => Promise<Identity>;

/** Verifies the tokens of one cluster. */
export interface Verifier {
  /** Whom the tokens say that they are of. */
  readonly issuer: string;
  /** @throws Refused */
  verify(token: string): Promise<Identity>;
}

export interface AuthenticateOptions {
  /** Writes every cluster. Undefined or empty: nobody has it. */
  readonly syncToken: string | undefined;
  readonly clusters: readonly Cluster[];
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Gets issuers' keys. */
  readonly fetch: typeof fetch;
}

/** What Kubernetes' and our own tokens stay far below. */
const maxTokenLength = 8192;

const everyCluster: Identity = { cluster: undefined, confirm: () => Promise.resolve() };

/** Undefined if nobody could ever prove himself. */
export function createAuthenticate(options: AuthenticateOptions): Authenticate | undefined {
  const { syncToken, clusters } = options;
  if (!syncToken && clusters.length === 0) return undefined;
  const verifiers = clusters.map((cluster) => verifierOf(cluster, options));
  return async (authorization) => {
    const [, token] = /^Bearer ([!-~]+)$/i.exec(authorization ?? "") ?? [];
    if (token === undefined || token.length > maxTokenLength)
      throw new Refused("unauthenticated", "a bearer token is asked for");
    if (syncToken && (await timingSafeEqual(token, syncToken))) return everyCluster;
    const issuer = issuerOf(token);
    const own = verifiers.filter((verifier) => verifier.issuer === issuer);
    if (own.length > 0) return verifyByAny(own, token);
    const refused = new Refused("unknown", "the token's issuer is none of a cluster that this edge knows");
    refused.got = JSON.stringify(issuer);
    throw refused;
  };
}

function verifierOf({ name, audience, proof }: Cluster, { now, fetch }: AuthenticateOptions): Verifier {
  return proof.kind === "keyPair"
    ? new KeyPairVerifier(name, audience, proof, now)
    : new ServiceAccountVerifier(name, audience, proof, now, fetch);
}

/** What the token says, unverified. */
function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    throw new Refused("unauthenticated", "the token is none that this edge knows");
  }
}

/** `verifiers`: at least one. Clusters that nobody named otherwise share an issuer, "https://kubernetes.default.svc", and differ in their keys. */
async function verifyByAny(verifiers: readonly Verifier[], token: string): Promise<Identity> {
  let refused: Refused | undefined;
  for (const verifier of verifiers) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- most often there is one, and the first that succeeds ends it
      return await verifier.verify(token);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (refused === undefined || refused.why === "forged") refused = error;
    }
  }
  throw refused!;
}
