/** What the edge serves about itself, below {@link adminPath}. */
import { Hono } from "hono";
import { adminPath } from "./admin-path.ts";
import { nobodyCanPush } from "./nobody-can-push.ts";

export interface AdminOptions {
  /** Answers the sync service's calls, and finds out who makes them. Undefined: nobody can push. */
  readonly sync: ((request: Request) => Promise<Response>) | undefined;
  /** The console and what it asks, see console.ts. Undefined: it is off. */
  readonly console?: Hono | undefined;
}

export function createAdmin({ sync, console }: AdminOptions): Hono {
  const app = new Hono().basePath(adminPath);
  app.get("/healthz", (context) => context.text("ok\n"));
  app.post("/edgeway.v1.SyncService/*", (context) => (sync ?? nobodyCanPush)(context.req.raw));
  if (console !== undefined) app.route("/", console);
  return app;
}
