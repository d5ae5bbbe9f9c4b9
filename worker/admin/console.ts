/**
 * The console: its page, and what the page, `edgeway status` and scrapers ask, below {@link adminPath}. The page's files
 * say nothing of the edge and are for everyone; all else needs the token.
 */
import { type Context, Hono } from "hono";
import { bearerAuth } from "hono/bearer-auth";
import type { RouteTable } from "../../routes/model.ts";
import { Fields } from "../call/fields.ts";
import type { RequestHead } from "../call/http.ts";
import { metricFamilies } from "../observe/metrics.ts";
import type { ProcessMetrics } from "../observe/process-metrics.ts";
import { contentType, expose } from "../observe/prometheus.ts";
import type { TrafficView } from "../observe/traffic.ts";
import type { Descriptors } from "../transcode/index.ts";
import type { AuthorityView } from "./console-authority.ts";
import { servicesOf } from "./console-services.ts";
import { descriptorHashes, hostsOf, routesView } from "./console-view.ts";
import { explainRequest, type StateOf } from "./explain.ts";

export interface ConsoleOptions {
  /** The bearer token of those who may look. Never empty. */
  readonly token: string;
  readonly table: () => RouteTable | Promise<RouteTable>;
  readonly authority: () => AuthorityView | Promise<AuthorityView>;
  /** @param since Unix milliseconds, see TrafficView */
  readonly traffic: (since: number) => TrafficView | Promise<TrafficView>;
  readonly descriptors: (hash: string) => Descriptors | undefined | Promise<Descriptors | undefined>;
  /** What the processes that it is made of tell of themselves. Undefined: it is made of none of its own. */
  readonly processes?: () => ProcessMetrics;
  /** A file of the page by its name, "index.html". Undefined: there is none. */
  readonly asset: (name: string) => Promise<Response | undefined>;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** Hostnames that are not granted, for one look at the edge. */
const mostWithheld = 50;

/** Nothing from anywhere else, nothing inline, and in nobody's frame. */
const pageHeaders = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-cache",
};

export function createConsole(options: ConsoleOptions): Hono {
  const app = new Hono();
  const guard = bearerAuth({ token: options.token });
  for (const path of ["/api/*", "/explain", "/metrics"]) app.use(path, guard);
  app.get("/metrics", (context) => metrics(options, context));
  app.on(["GET", "POST"], "/explain", (context) => explained(options, context));
  app.get("/api/overview", async (context) => {
    const [view, { revision, parts }] = await Promise.all([options.authority(), options.table()]);
    const withheld = view.withheld.slice(0, mostWithheld);
    return context.json({ now: options.now(), revision: String(revision), ...view, withheld, parts: parts.length });
  });
  app.get("/api/routes", async (context) => {
    const [table, stateOf] = await Promise.all([options.table(), statesOf(options)]);
    return context.json(routesView(table, stateOf));
  });
  app.get("/api/traffic", async (context) => {
    const { totals: _, ...view } = await options.traffic(Number(context.req.query("since") ?? 0) || 0);
    return context.json({ now: options.now(), ...view });
  });
  app.get("/api/services", (context) => services(options, context));
  app.get("*", (context) => page(options, context));
  return app;
}

async function metrics({ traffic, authority, processes }: ConsoleOptions, context: Context): Promise<Response> {
  const [view, { clusters, pushes }] = await Promise.all([traffic(Number.POSITIVE_INFINITY), authority()]);
  const text = expose(metricFamilies({ traffic: view, clusters, pushes: pushes.counts, processes: processes?.() }));
  return context.body(text, 200, { "content-type": contentType });
}

/** Descriptor sets that are read for one page. */
const mostSets = 64;

async function services(options: ConsoleOptions, context: Context): Promise<Response> {
  const table = await options.table();
  const hashes = [...descriptorHashes(table)].slice(0, mostSets);
  const sets = await Promise.all(hashes.map(async (hash) => options.descriptors(hash)));
  return context.json({ hosts: hostsOf(table), ...servicesOf(sets.filter((set) => set !== undefined)) });
}

async function explained(options: ConsoleOptions, context: Context): Promise<Response> {
  let head: RequestHead;
  try {
    head = headOf(context.req.method === "GET" ? fromQuery(context) : await context.req.json());
  } catch (error) {
    return context.json({ error: error instanceof Error ? error.message : String(error) }, 400);
  }
  const [table, stateOf, { withheld }] = await Promise.all([options.table(), statesOf(options), options.authority()]);
  return context.json(explainRequest(head, table, stateOf, withheld));
}

/** How the addresses that had calls are. */
async function statesOf({ traffic }: ConsoleOptions): Promise<StateOf> {
  const { pools } = await traffic(Number.POSITIVE_INFINITY);
  const states = new Map(pools.map(({ backend, host, port, state }) => [`${backend} ${host} ${port}`, state]));
  return (backend, host, port) => states.get(`${backend} ${host} ${port}`);
}

/** What is asked about: "?url=https://host/path&method=POST&header=name:value". */
function fromQuery(context: Context): unknown {
  const headers = (context.req.queries("header") ?? []).map((header) => {
    const colon = header.indexOf(":");
    return [header.slice(0, colon), header.slice(colon + 1).trim()];
  });
  return { url: context.req.query("url"), method: context.req.query("method"), headers };
}

interface Asked {
  readonly url: string;
  /** "GET" if not given. */
  readonly method?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

/** @throws Error if `asked` is no {@link Asked} */
function headOf(asked: unknown): RequestHead {
  const { url, method = "GET", headers = [] } = (asked ?? {}) as Asked;
  const [, scheme, authority, path] = /^(https?):\/\/([^/?#]*)([^#]*)/.exec(typeof url === "string" ? url : "") ?? [];
  if (scheme === undefined) throw new Error('url is to be "https://host/path"');
  const isPair = (pair: unknown) =>
    Array.isArray(pair) && pair.length === 2 && pair.every((text) => typeof text === "string");
  if (typeof method !== "string" || !Array.isArray(headers) || !headers.every(isPair))
    throw new Error('headers are to be [["name", "value"]]');
  return {
    method,
    scheme: scheme === "http" ? "http" : "https",
    authority: authority!,
    path: path!.startsWith("/") ? path! : `/${path!}`,
    fields: Fields.from(headers),
  };
}

async function page({ asset }: ConsoleOptions, context: Context): Promise<Response> {
  const name = context.req.path.split("/").slice(2).join("/");
  const file = await asset(name === "" ? "index.html" : name);
  if (file === undefined) return context.text("no such page\n", 404);
  const response = new Response(file.body, file);
  for (const [header, value] of Object.entries(pageHeaders)) response.headers.set(header, value);
  return response;
}
