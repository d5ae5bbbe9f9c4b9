/** What the edge serves about itself, below {@link adminPath}. */
import { Hono } from "hono";
import { bearerAuth } from "hono/bearer-auth";
import { adminPath } from "./sync-service.ts";

export interface AdminOptions {
  /** The bearer token of those who push. Undefined or empty: nobody can. */
  readonly syncToken: string | undefined;
  /** Answers the sync service's calls, once they have proved themselves. */
  readonly sync: (request: Request) => Promise<Response>;
}

export function createAdmin({ syncToken, sync }: AdminOptions): Hono {
  const app = new Hono().basePath(adminPath);
  app.get("/healthz", (context) => context.text("ok\n"));
  if (syncToken) {
    app.use("/edgeway.v1.SyncService/*", bearerAuth({ token: syncToken }));
    app.post("/edgeway.v1.SyncService/*", (context) => sync(context.req.raw));
  }
  return app;
}
