import { forms } from "../../../routes/syntax.ts";
import type { ReadOf } from "../../objects/read.ts";
import { anything, boolean, checked, either, integer, list, optional, part, string } from "../../objects/read.ts";
import { invalidTarget } from "../context.ts";
import type { Action, BackendName, Reading } from "./dialect.ts";
import { annotationOf, sayOf } from "./dialect.ts";
import { readJson } from "./json.ts";
import { sticky } from "./aws-origin.ts";
import { targetOf } from "./targets.ts";

/** actions.NAME: what is done with the calls of a backend of that name whose port is called "use-annotation". */

const targetGroup = part({
  servicename: optional(string),
  serviceport: optional(anything),
  targetgrouparn: optional(string),
  targetgroupname: optional(string),
  weight: optional(integer(0, 999)),
});

const stickiness = part({ enabled: either(boolean, false), durationseconds: either(integer(1, 604_800), 3600) });

const action = part({
  type: string,
  targetgrouparn: optional(string),
  targetgroupname: optional(string),
  forwardconfig: optional(
    checked(
      part({ targetgroups: list(targetGroup), targetgroupstickinessconfig: optional(stickiness) }),
      ({ targetgroups }) =>
        targetgroups.length > 1 && targetgroups.some(({ weight }) => weight === undefined)
          ? { field: "targetgroups", reason: "must each have a weight where there are several" }
          : undefined,
    ),
  ),
  redirectconfig: optional(
    part({
      host: either(string, "#{host}"),
      path: either(string, "/#{path}"),
      port: either(string, "#{port}"),
      protocol: either(string, "#{protocol}"),
      query: either(string, "#{query}"),
      statuscode: string,
    }),
  ),
  fixedresponseconfig: optional(
    part({ contenttype: either(string, ""), statuscode: string, messagebody: either(string, "") }),
  ),
});

type AwsAction = ReadOf<typeof action>;

export function awsAction(reading: Reading, { name, port }: BackendName): Action | string | undefined {
  const fail = (reason: string): string => {
    sayOf(reading, `actions.${name}`, "error", reason);
    return reason;
  };
  if (port !== "use-annotation") {
    const { context, ingress, say } = reading;
    if (context.objects.get("Service", ingress.metadata.namespace, name) !== undefined) return undefined;
    // What the controller itself puts in place of a Service that is not there.
    say("error", "spec.rules", `there is no Service ${ingress.metadata.namespace}/${name}: its paths answer 503`);
    return fixed(503, "Backend service does not exist");
  }
  const text = annotationOf(reading, `actions.${name}`);
  if (text === undefined) {
    sayOf(reading, `actions.${name}`, "error", "is missing: its paths answer 503");
    return fixed(503, "Backend action does not exist");
  }
  const read = readJson(text, action);
  if (typeof read === "string") return fail(read);
  switch (read.value.type) {
    case "forward":
      return forward(reading, name, read.value, fail);
    case "redirect":
      return redirect(read.value, fail);
    case "fixed-response": {
      const { contenttype = "", statuscode = "", messagebody = "" } = read.value.fixedresponseconfig ?? {};
      const status = Number(statuscode);
      if (!/^[245]\d\d$/.test(statuscode))
        return fail(`the statusCode of a fixed response must be 2XX, 4XX or 5XX, not "${statuscode}"`);
      return fixed(status, messagebody, contenttype);
    }
    default:
      return fail(`the type of an action must be forward, redirect or fixed-response, not "${read.value.type}"`);
  }
}

/** The Service that all calls for a backend go to; undefined: there is none, or several. */
export function soleService({ context, ingress, dialect }: Reading, { name, port }: BackendName) {
  const { annotations, namespace } = ingress.metadata;
  const find = (service: string) => context.objects.get("Service", namespace, service);
  if (port !== "use-annotation") return find(name);
  const read = readJson(annotations[`${dialect.prefix}actions.${name}`] ?? "", action);
  const groups = typeof read === "string" ? undefined : read.value.forwardconfig?.targetgroups;
  return groups?.length === 1 && groups[0]!.servicename !== undefined ? find(groups[0]!.servicename) : undefined;
}

function fixed(status: number, body: string, contentType = ""): Action {
  return { filters: [{ filter: { case: "directResponse", value: { status, body, contentType } } }] };
}

function forward(reading: Reading, name: string, value: AwsAction, fail: (reason: string) => string): Action | string {
  const { forwardconfig, targetgrouparn, targetgroupname } = value;
  const simple = targetgrouparn ?? targetgroupname;
  if ((simple === undefined) === (forwardconfig === undefined)) {
    return fail("a forward action must have either the ARN or name of a target group, or a forwardConfig");
  }
  if (forwardconfig === undefined) return fail(`only AWS knows the target group ${simple}`);
  const backends = forwardconfig.targetgroups.map(
    ({ servicename, serviceport, targetgrouparn: arn, targetgroupname: group, weight = 1 }) => {
      const target =
        servicename === undefined
          ? `only AWS knows the target group ${arn ?? group ?? ""}`
          : serviceTarget(reading, servicename, serviceport);
      if (typeof target !== "string") return { target, weight };
      sayOf(reading, `actions.${name}`, "error", target);
      return { target: invalidTarget(target), weight };
    },
  );
  const { enabled, durationseconds } = forwardconfig.targetgroupstickinessconfig ?? {
    enabled: false,
    durationseconds: 0,
  };
  return { backends, ...(enabled && sticky("AWSALBTG", durationseconds)) };
}

function serviceTarget(reading: Reading, name: string, port: unknown) {
  if (typeof port !== "string" && typeof port !== "number") return `the servicePort of ${name} is missing`;
  return targetOf(reading, name, /^\d+$/.test(`${port}`) ? Number(port) : port);
}

const STATUSES: ReadonlyMap<string, number> = new Map([
  ["HTTP_301", 301],
  ["HTTP_302", 302],
]);

/** "#{host}", "#{path}" and the others stand for the request's own. */
function redirect({ redirectconfig }: AwsAction, fail: (reason: string) => string): Action | string {
  if (redirectconfig === undefined) return fail("a redirect action must have a redirectConfig");
  const { host, path, port, protocol, query, statuscode } = redirectconfig;
  const status = STATUSES.get(statuscode);
  if (status === undefined)
    return fail(`the statusCode of a redirect must be HTTP_301 or HTTP_302, not "${statuscode}"`);
  const scheme = protocol === "#{protocol}" ? "" : protocol.toLowerCase();
  if (scheme !== "" && scheme !== "http" && scheme !== "https")
    return fail(`the protocol of a redirect must be HTTP or HTTPS, not "${protocol}"`);
  const hostname = host === "#{host}" ? "" : host.toLowerCase();
  if (hostname !== "" && !forms.name.holds(hostname))
    return fail(`the host of a redirect must be a host name or #{host}: "${host}"`);
  if (port !== "#{port}" && !/^\d{1,5}$/.test(port))
    return fail(`the port of a redirect must be a number or #{port}: "${port}"`);
  if (query !== "#{query}" && !forms.query.holds(query))
    return fail(`the query of a redirect must be ${forms.query.says}: "${query}"`);
  const modifier = pathModifier(path);
  if (typeof modifier === "string") return fail(modifier);
  const value = {
    scheme,
    hostname,
    port: port === "#{port}" ? 0 : Number(port),
    status,
    ...(modifier && { path: { modifier } }),
    ...(query === "#{query}" ? {} : { query }),
  };
  return { filters: [{ filter: { case: "redirect", value } }] };
}

function pathModifier(path: string) {
  if (path === "/#{path}") return undefined;
  const parts = path.split("#{path}");
  if (!path.startsWith("/") || parts.some((text) => text.includes("#{") || !forms.path.holds(`/${text}`))) {
    return `the path of a redirect must begin with "/" and hold no placeholder but #{path}: "${path}"`;
  }
  if (parts.length === 1) return { case: "full" as const, value: path };
  const substitution = parts.map((text) => text.replaceAll("\\", "\\\\")).join("\\1");
  return { case: "regex" as const, value: { pattern: "^/(.*)$", substitution } };
}
