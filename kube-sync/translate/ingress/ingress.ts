import { keyOf as nameOf } from "../../objects/object.ts";
import { compareText } from "../../report.ts";
import type { ObjectOf } from "../../objects/object.ts";
import type { ClientCertificates } from "../certificates.ts";
import { addCertificate } from "../certificates.ts";
import type { Context, RouteInit } from "../context.ts";
import { sayAbout } from "../context.ts";
import { coveringHostnames } from "../hostnames.ts";
import { getOrAdd } from "../object-index.ts";
import { NOT_FOUND } from "../istio/mesh.ts";
import { countWithWider, forHostname, inTableOrder } from "../order.ts";
import { readAnnotations } from "./annotations.ts";
import { dialectOf } from "./class.ts";
import type { Dialect, IngressRule, Reading } from "./dialect.ts";
import { byHostAndPath } from "./dialect.ts";
import { MOST_RULES, rulesOf, TOO_MANY_RULES } from "./rules.ts";

/** Each Ingress is read by its dialect, which then puts the rules of all its Ingresses in order. */
export function translateIngresses(context: Context): RouteInit[] {
  const byDialect = new Map<Dialect, IngressRule[]>();
  for (const ingress of context.objects.all("Ingress")) {
    const read = context.unit("ingress", ingress, [], (own) => readIngress(own, ingress));
    if (read === undefined) continue;
    const all = getOrAdd(byDialect, read.dialect, () => []);
    for (const rule of read.rules) all.push(rule);
  }
  return [...byDialect].flatMap(([dialect, read]) => {
    const rules = withinBounds(context, read);
    const groups = dialect.groups?.(rules) ?? Map.groupBy(rules, ({ reading }) => nameOf(reading.ingress));
    return [...groups].flatMap(([name, group]) =>
      context.unit(dialect.name, name, group, (own) => {
        const rebound = rebind(own, group);
        return dialect.arrange?.(rebound, keyOf, name) ?? arrangeByTable(rebound);
      }),
    );
  });
}

/** Without the largest Ingresses where the rules would be too many, once repeated for narrower hosts. */
function withinBounds(context: Context, rules: readonly IngressRule[]): readonly IngressRule[] {
  if (countWithWider(rules) <= MOST_RULES) return rules;
  const bySize = [...Map.groupBy(rules, ({ reading }) => reading)].toSorted(
    ([a, own], [b, others]) => own.length - others.length || compareText(nameOf(a.ingress), nameOf(b.ingress)),
  );
  const [{ ingress }, own] = bySize.at(-1)!;
  sayAbout(context, ingress)("error", "spec", `${TOO_MANY_RULES}: it is left out`);
  const left = new Set(own);
  return withinBounds(
    context,
    rules.filter((rule) => !left.has(rule)),
  );
}

function readIngress(context: Context, ingress: ObjectOf<"Ingress">) {
  const say = sayAbout(context, ingress);
  const dialect = dialectOf(context, ingress, say);
  if (dialect === undefined) return undefined;
  const read = { context, ingress, dialect, say, refused: readAnnotations(ingress, dialect, say) };
  dialect.check?.(read);
  const clients = dialect.clients?.(read);
  const reading = typeof clients === "string" ? { ...read, refused: clients } : read;
  const rules = rulesOf(reading);
  addCertificates(reading, typeof clients === "string" ? undefined : clients);
  return { dialect, rules };
}

/** The rules as they are arranged: what is reported then belongs to the group, not to the reading of its Ingress. */
function rebind(context: Context, rules: readonly IngressRule[]): IngressRule[] {
  const readings = new Map<Reading, Reading>();
  return rules.map((rule) => {
    const reading = getOrAdd(readings, rule.reading, () => ({
      ...rule.reading,
      context,
      say: sayAbout(context, rule.reading.ingress),
    }));
    return { ...rule, reading };
  });
}

/** By the table's own order, but for an Ingress with a mesh behind it, whose rules have an order of their own. */
function arrangeByTable(rules: readonly IngressRule[]): RouteInit[] {
  const isMesh = rules.some(({ source }) => source.kind === "VirtualService");
  return isMesh ? arrangeMesh(rules) : inTableOrder(rules, keyOf);
}

/** The Ingress's host and path decide first, and of the mesh's hosts behind them the narrowest alone. */
function arrangeMesh(rules: readonly IngressRule[]): RouteInit[] {
  const parts = Map.groupBy(rules.toSorted(byHostAndPath), ({ part }) => part);
  const byHost = [...parts.values()].map((own) => Map.groupBy(own, ({ hostname }) => hostname));
  const hostnames = new Set(rules.map(({ hostname }) => hostname));
  return [...hostnames].flatMap((hostname) => {
    const [, ...wider] = coveringHostnames(hostname);
    const goesOn = wider.some((each) => hostnames.has(each));
    const there = byHost.flatMap((part) => {
      const narrowest = [hostname, ...wider].find((each) => part.has(each));
      const own = narrowest === undefined ? [] : part.get(narrowest)!;
      return goesOn ? [...own, ...fenceOf(own)] : own;
    });
    return forHostname(there, hostname, keyOf);
  });
}

/** What none of a virtual host's rules takes is answered, and does not go on to wider ones. */
function fenceOf(rules: readonly IngressRule[]): IngressRule[] {
  const [first] = rules;
  if (first === undefined || rules.some(({ matches, part }) => matches === part.matches)) return [];
  const rule = { index: 0, filters: [NOT_FOUND] };
  return [{ ...first, matches: first.part.matches, rule, suffix: `${first.suffix}/none` }];
}

function keyOf({ reading, hostname, suffix }: IngressRule): string {
  const { namespace, name } = reading.ingress.metadata;
  return `Ingress/${namespace}/${name}/${hostname === "" ? "*" : hostname}${suffix}`;
}

function addCertificates({ context, ingress, say }: Reading, clients: ClientCertificates | undefined): void {
  ingress.spec.tls.forEach(({ hosts, secretName }, i) => {
    if (secretName === undefined) return;
    const secret = { namespace: ingress.metadata.namespace, name: secretName };
    const listener = { kind: "Ingress", ...secret, name: ingress.metadata.name, part: `tls-${i}` };
    addCertificate(context, secret, { hostnames: hosts, listener, ...(clients && { clients }) }, (reason) =>
      say("error", `spec.tls[${i}].secretName`, reason),
    );
  });
}
