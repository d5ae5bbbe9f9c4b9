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
}

/** @param grants see Cluster.hostnames; undefined: every name is granted */
export function granted(table: ClusterTable, grants: readonly string[] | undefined): Granted {
  if (grants === undefined || grants.includes("*")) return { table, withheld: [] };
  const withheld: Issue[] = [];
  const narrow = <R extends Claim>(claims: readonly R[]): R[] =>
    claims.flatMap((claim) => {
      const hostnames = grantedOf(claim, grants, table.cluster, withheld);
      if (hostnames.length === claim.hostnames.length && hostnames.length > 0) return claim;
      return hostnames.length === 0 ? [] : { ...claim, hostnames };
    });
  const routes = narrow(table.routes);
  const certificates = narrow(table.certificates);
  return { table: { ...table, routes, certificates }, withheld };
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
