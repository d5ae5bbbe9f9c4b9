/** From a health check's message to its checked form. */
import type {
  CodeRange as CodeRangeMessage,
  GrpcHealthCheck,
  HealthCheck as HealthCheckMessage,
  HttpHealthCheck,
} from "../../proto/gen/edgeway/v1/policy_pb.js";
import type { Place } from "../issues.ts";
import type { CodeRange, GrpcProbe, HealthCheck, HttpProbe, TcpProbe } from "../policies.ts";
import { isGrpcPath } from "../request.ts";
import { forms, isAuthority } from "../syntax.ts";
import { limits, list, nothing, refuseUnknown } from "./list.ts";
import { bounded } from "./shared.ts";

/** Below it, checks could cost an origin more than its calls do. */
const leastIntervalMs = 100;

export function decodeHealthCheck(message: HealthCheckMessage | undefined, parent: Place): HealthCheck | undefined {
  if (message === undefined) return undefined;
  const place = parent.at("healthCheck");
  refuseUnknown(message, place);
  const { port } = message;
  return Object.freeze({
    probe: decodeProbe(message.check, place),
    port: port === 0 ? undefined : bounded(port, 1, 65_535, place.at("port")),
    intervalMs: bounded(message.intervalMs, leastIntervalMs, limits.ms, place.at("intervalMs")),
    timeoutMs: bounded(message.timeoutMs, 1, limits.ms, place.at("timeoutMs")),
    healthyThreshold: bounded(message.healthyThreshold, 1, limits.threshold, place.at("healthyThreshold")),
    unhealthyThreshold: bounded(message.unhealthyThreshold, 1, limits.threshold, place.at("unhealthyThreshold")),
  });
}

const tcp: TcpProbe = Object.freeze({ kind: "tcp" });

function decodeProbe(check: HealthCheckMessage["check"], parent: Place): HealthCheck["probe"] {
  if (check.case === undefined) {
    parent.wrong("must be a check that this edge knows");
    return tcp;
  }
  const place = parent.at(check.case);
  refuseUnknown(check.value, place);
  switch (check.case) {
    case "grpc":
      return decodeGrpc(check.value, place);
    case "http":
      return decodeHttp(check.value, place);
    case "tcp":
      return tcp;
  }
}

const ok: readonly CodeRange[] = Object.freeze([Object.freeze([0, 0] as const)]);
const success: readonly CodeRange[] = Object.freeze([Object.freeze([200, 299] as const)]);

function decodeGrpc({ service, path, codes }: GrpcHealthCheck, place: Place): GrpcProbe {
  if (service !== "") place.at("service").check(service, forms.segment);
  if (path === "") return Object.freeze({ kind: "grpc", service, path: undefined, codes: nothing });
  place.at("path").check(path, forms.path);
  if (!isGrpcPath(path)) place.at("path").wrong('must be "/package.Service/Method"');
  // AWS lets success codes go up to 99, beyond those that gRPC has.
  const well = decodeRanges(codes, 0, 99, place, "codes");
  return Object.freeze({ kind: "grpc", service, path, codes: well.length === 0 ? ok : well });
}

function decodeHttp({ path, method, host, statuses }: HttpHealthCheck, place: Place): HttpProbe {
  if (host !== "" && !isAuthority(host)) place.at("host").wrong("must be a host name, with or without a port");
  const well = decodeRanges(statuses, 100, 599, place, "statuses");
  return Object.freeze({
    kind: "http",
    path: place.at("path").check(path, forms.target),
    method: method === "" ? "GET" : place.at("method").check(method, forms.httpMethod),
    host: host === "" ? undefined : host,
    statuses: well.length === 0 ? success : well,
  });
}

function decodeRanges(
  messages: readonly CodeRangeMessage[],
  least: number,
  most: number,
  place: Place,
  name: string,
): readonly CodeRange[] {
  return list(messages, limits.codes, place, name, ({ first, last }, at) => {
    bounded(first, least, most, at.at("first"));
    bounded(last, first, most, at.at("last"));
    return Object.freeze([first, last] as const);
  });
}
