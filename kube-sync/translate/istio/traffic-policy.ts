import type { IstioSettings } from "../../objects/istio.ts";
import type { ObjectOf } from "../../objects/object.ts";
import { forms, isEndpointHost } from "../../../routes/syntax.ts";
import { authoritiesOf, pairOf } from "../certificates.ts";
import type { Context, Say } from "../context.ts";
import { sayAbout } from "../context.ts";
import { grpcCode } from "../grpc-codes.ts";
import type { Reference } from "../origin.ts";
import type { OriginTls, OriginTlsInit } from "../origin-tls.ts";
import { SERVER_ERRORS } from "../route-policies.ts";
import type { BackendPolicies } from "../service-policies.ts";

type DestinationRule = ObjectOf<"DestinationRule">;

/** A part of a DestinationRule's traffic policy, and where it stands. */
interface Setting<T> {
  readonly value: T;
  readonly field: string;
}

/** What a DestinationRule says of a port: the subset's policy before the Service's, a port's own before both. */
export function referenceBy(
  context: Context,
  rule: DestinationRule,
  subset: string | undefined,
  port: number,
): Reference {
  const find = <K extends keyof IstioSettings>(name: K) => settingOf(rule, subset, port, name);
  const say = sayAbout(context, rule);
  const policies: BackendPolicies = {
    ...loadBalancingOf(find("loadBalancer"), say),
    ...poolOf(find("connectionPool"), say),
    ...outliersOf(find("outlierDetection"), say),
  };
  return { ...tlsOf(context, rule, find("tls"), say), ...(Object.keys(policies).length > 0 && { policies }) };
}

function settingOf<K extends keyof IstioSettings>(
  { spec }: DestinationRule,
  subset: string | undefined,
  port: number,
  name: K,
): Setting<NonNullable<IstioSettings[K]>> | undefined {
  const i = spec.subsets.findIndex((each) => each.name === subset);
  for (const [policy, field] of [
    [spec.subsets[i]?.trafficPolicy, `spec.subsets[${i}].trafficPolicy`],
    [spec.trafficPolicy, "spec.trafficPolicy"],
  ] as const) {
    const value = policy?.portLevelSettings.find((each) => each.port?.number === port)?.[name] ?? policy?.[name];
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the setting of that name
    if (value !== undefined) return { value: value as NonNullable<IstioSettings[K]>, field: `${field}.${name}` };
  }
  return undefined;
}

type Found<K extends keyof IstioSettings> = Setting<NonNullable<IstioSettings[K]>> | undefined;
type LoadBalancing = Exclude<NonNullable<BackendPolicies["loadBalancing"]>, { $typeName: string }>;

const BALANCERS: ReadonlyMap<string, LoadBalancing["policy"]> = new Map<string, LoadBalancing["policy"]>([
  ["ROUND_ROBIN", { case: "roundRobin", value: {} }],
  ["LEAST_REQUEST", { case: "leastRequest", value: {} }],
  ["LEAST_CONN", { case: "leastRequest", value: {} }],
  ["UNSPECIFIED", { case: "leastRequest", value: {} }],
]);

function loadBalancingOf(found: Found<"loadBalancer">, say: Say): Pick<BackendPolicies, "loadBalancing"> {
  if (found === undefined) return {};
  const { value, field } = found;
  const { simple, consistentHash, warmup, warmupDurationSecs } = value;
  if (value.localityLbSetting !== undefined)
    say("info", `${field}.localityLbSetting`, "is not carried: the edge knows no localities");
  const slowStartMs = warmup?.duration ?? warmupDurationSecs ?? 0;
  let policy = simple === undefined ? undefined : BALANCERS.get(simple);
  if (simple !== undefined && policy === undefined)
    say("info", `${field}.simple`, `${simple}: the edge takes the one of two with fewer calls under way`);
  if (consistentHash !== undefined) {
    policy = hashPolicy(consistentHash);
    if (policy === undefined) say("error", `${field}.consistentHash`, "has nothing to choose by: ignored");
  }
  if (policy === undefined && slowStartMs === 0) return {};
  return { loadBalancing: { ...(policy && { policy }), slowStartMs } };
}

function hashPolicy({
  httpHeaderName,
  httpCookie,
  useSourceIp,
  httpQueryParameterName,
}: NonNullable<NonNullable<IstioSettings["loadBalancer"]>["consistentHash"]>): LoadBalancing["policy"] {
  const header = httpHeaderName?.toLowerCase();
  const key =
    header !== undefined && forms.headerName.holds(header)
      ? { case: "header" as const, value: header }
      : httpCookie !== undefined && forms.cookieName.holds(httpCookie.name)
        ? { case: "cookie" as const, value: httpCookie.name }
        : httpQueryParameterName !== undefined
          ? { case: "queryParam" as const, value: httpQueryParameterName }
          : useSourceIp
            ? { case: "source" as const, value: true }
            : undefined;
  return key && { case: "consistentHash", value: { key } };
}

function poolOf(
  found: Found<"connectionPool">,
  say: Say,
): Pick<BackendPolicies, "circuitBreaker" | "connectTimeoutMs"> {
  if (found === undefined) return {};
  const { tcp, http } = found.value;
  for (const [name, part] of Object.entries({ tcp, http })) {
    const carried = ["maxConnections", "connectTimeout", "http1MaxPendingRequests", "http2MaxRequests"];
    const others = Object.entries(part ?? {}).filter(([key, value]) => value !== undefined && !carried.includes(key));
    for (const [key] of others)
      say("info", `${found.field}.${name}.${key}`, "is not carried: calls are made without it");
  }
  const breaker = {
    maxConnections: tcp?.maxConnections ?? 0,
    maxPending: http?.http1MaxPendingRequests ?? 0,
    maxCalls: http?.http2MaxRequests ?? 0,
  };
  return {
    ...(Object.values(breaker).some((most) => most > 0) && { circuitBreaker: breaker }),
    ...(tcp?.connectTimeout !== undefined && { connectTimeoutMs: tcp.connectTimeout }),
  };
}

/** What Envoy takes for a 5xx or for a gateway's error when it is a gRPC status. */
const SERVER_CODES = codes("unknown", "deadline_exceeded", "unimplemented", "internal", "unavailable", "data_loss");
const GATEWAY_CODES = codes("deadline_exceeded", "unavailable");

function codes(...names: readonly string[]): number[] {
  return names.flatMap((name) => grpcCode(name) ?? []);
}

function outliersOf(found: Found<"outlierDetection">, say: Say): Pick<BackendPolicies, "outlierDetection"> {
  if (found === undefined) return {};
  const { value, field } = found;
  for (const name of [
    "minHealthPercent",
    "splitExternalLocalOriginErrors",
    "consecutiveLocalOriginFailures",
  ] as const) {
    if (value[name] !== undefined) say("info", `${field}.${name}`, "is not carried");
  }
  if (value.interval !== undefined) say("info", `${field}.interval`, "is not carried: failures count at once");
  const any = value.consecutive5xxErrors ?? (value.consecutiveGatewayErrors === undefined ? 5 : 0);
  const gateway = value.consecutiveGatewayErrors ?? value.consecutiveErrors ?? 0;
  if (any === 0 && gateway === 0) return {};
  const byGateway = any === 0 || (gateway > 0 && gateway < any);
  return {
    outlierDetection: {
      consecutiveFailures: byGateway ? gateway : any,
      grpcCodes: byGateway ? GATEWAY_CODES : SERVER_CODES,
      httpStatuses: byGateway ? [502, 503, 504] : SERVER_ERRORS,
      baseEjectionMs: value.baseEjectionTime ?? 0,
      maxEjectionPercent: value.maxEjectionPercent ?? 0,
    },
  };
}

/** A mode that the edge cannot keep to gets no calls, rather than less than it asks for; the mesh's own is left out. */
function tlsOf(
  context: Context,
  rule: DestinationRule,
  found: Found<"tls">,
  say: Say,
): Pick<Reference, "tls" | "originTls"> {
  if (found === undefined) return {};
  const { value, field } = found;
  if (value.mode === "DISABLE") return { tls: false };
  if (value.mode === "ISTIO_MUTUAL") {
    const reason = "ISTIO_MUTUAL: the edge is no part of the mesh, and calls without its certificates";
    say("warning", `${field}.mode`, reason);
    return {};
  }
  return { tls: true, originTls: originTlsOf(context, rule, found, say) };
}

function originTlsOf(
  { objects }: Context,
  { metadata }: DestinationRule,
  { value, field }: NonNullable<Found<"tls">>,
  say: Say,
): OriginTls | undefined {
  const { mode, sni = "", subjectAltNames, insecureSkipVerify, caCertificates, credentialName } = value;
  const fail = (name: string, reason: string): OriginTls => {
    say("error", `${field}.${name}`, `${reason}: it gets no calls`);
    return { invalid: reason };
  };
  if (sni !== "" && !isEndpointHost(sni)) return fail("sni", `must be a lower-case host name, not "${sni}"`);
  const tls: OriginTlsInit = { serverName: sni, subjectAltNames: [...subjectAltNames], insecure: insecureSkipVerify };
  if (insecureSkipVerify)
    say("warning", `${field}.insecureSkipVerify`, "whoever is between the edge and the origin may pose as it");
  if (credentialName !== undefined) {
    const secret = { namespace: metadata.namespace, name: credentialName };
    const authorities = [`${credentialName}-cacert`, credentialName].map((name) =>
      authoritiesOf(objects, { kind: "Secret", namespace: metadata.namespace, name }),
    );
    const known = authorities.find((each) => "pem" in each);
    if (known !== undefined) tls.caCertificates = known.pem;
    else if (mode === "SIMPLE")
      return fail("credentialName", authorities.map((each) => "wrong" in each && each.wrong).join("; "));
    if (mode !== "MUTUAL") return { tls };
    const pair = pairOf(objects, secret, "any");
    return "wrong" in pair
      ? fail("credentialName", pair.wrong)
      : { tls: { ...tls, clientCertificate: pair.chainPem, clientKey: pair.keyPem } };
  }
  if (mode === "MUTUAL")
    return fail("mode", "MUTUAL: the edge has no certificate to show, as it is in no credentialName");
  if (caCertificates !== undefined && caCertificates !== "system" && !insecureSkipVerify)
    say("warning", `${field}.caCertificates`, "is a file: the edge trusts its own authorities");
  return sni === "" && subjectAltNames.length === 0 && !insecureSkipVerify ? undefined : { tls };
}
