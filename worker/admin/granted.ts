/** What of a cluster's part is served: no more than the hostnames that the cluster was granted. */
import { create } from "@bufbuild/protobuf";
import { type Issue, IssueSchema } from "../../proto/gen/edgeway/v1/sync_pb.js";
import type { ClusterTable, SourceRef } from "../../proto/gen/edgeway/v1/table_pb.js";

/** More than anyone reads at once. */
const maxWithheld = 1000;

export interface Granted {
  readonly table: ClusterTable;
  /** The hostnames that are left out of it, at most {@link maxWithheld}. */
  readonly withheld: readonly Issue[];
  /** Those of its routes, at most {@link maxWithheld}. */
  readonly hostnames: readonly WithheldHostname[];
  /** Routes of which something is left out, or all. */
  readonly withheldRoutes: number;
}

/** A hostname that a cluster has rules for, and is not granted. Plain data: it crosses to the isolate that shows it. */
export interface WithheldHostname {
  readonly cluster: string;
  /** Of the object that the rules came from. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Empty: every name. */
  readonly hostname: string;
}

/** @param grants see Cluster.hostnames; undefined: every name is granted */
export function granted(table: ClusterTable, grants: readonly string[] | undefined): Granted {
  if (grants === undefined || grants.includes("*")) return { table, withheld: [], hostnames: [], withheldRoutes: 0 };
  const withheld: Issue[] = [];
  const narrow = <R extends Claim>(claims: readonly R[]): R[] =>
    claims.flatMap((claim) => {
      const hostnames = grantedOf(claim, grants, table.cluster, withheld);
      if (hostnames.length === claim.hostnames.length && hostnames.length > 0) return claim;
      return hostnames.length === 0 ? [] : { ...claim, hostnames };
    });
  const routes = narrow(table.routes);
  const certificates = narrow(table.certificates);
  const left = table.routes.filter((route) => withheldOf(route, grants).length > 0);
  const hostnames = left.flatMap((route) => hostnamesOf(route, grants, table.cluster)).slice(0, maxWithheld);
  return { table: { ...table, routes, certificates }, withheld, hostnames, withheldRoutes: left.length };
}

/** The hostnames that are not granted; an empty one for a claim on every name. */
function withheldOf({ hostnames }: Claim, grants: readonly string[]): string[] {
  const all = hostnames.length === 0 ? [""] : hostnames;
  return all.filter((hostname) => !grants.some((grant) => covers(grant, hostname)));
}

function hostnamesOf(claim: Claim, grants: readonly string[], cluster: string): WithheldHostname[] {
  const { kind = "", namespace = "", name = "" } = claim.source ?? {};
  return withheldOf(claim, grants).map((hostname) => ({ cluster, kind, namespace, name, hostname }));
}

/** What stands for hostnames: a route, or a certificate. */
interface Claim {
  readonly source?: SourceRef | undefined;
  /** Empty: every name. */
  readonly hostnames: readonly string[];
}

function grantedOf(claim: Claim, grants: readonly string[], cluster: string, withheld: Issue[]): string[] {
  const withhold = (field: string, what: string): void => {
    const reason = `cluster ${cluster} is not granted ${what}`;
    if (withheld.length < maxWithheld)
      withheld.push(create(IssueSchema, { ...(claim.source && { source: claim.source }), field, reason }));
  };
  if (claim.hostnames.length === 0) withhold("hostnames", "every hostname, and none is named");
  return claim.hostnames.filter((hostname, index) => {
    const covered = grants.some((grant) => covers(grant, hostname));
    if (!covered) withhold(`hostnames[${index}]`, `"${hostname}"`);
    return covered;
  });
}

/** Whether all that `hostname` stands for is granted. */
function covers(grant: string, hostname: string): boolean {
  return grant === hostname || (grant.startsWith("*.") && hostname.endsWith(grant.slice(1)));
}
