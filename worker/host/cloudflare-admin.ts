/** What the Worker serves about itself: loaded when somebody asks for it. */
import type { Hono } from "hono";
import { createAdmin } from "../admin/admin.ts";
import { type ConsoleOptions, createConsole } from "../admin/console.ts";
import { LazyDescriptors } from "./cloudflare-descriptors.ts";
import type { Env } from "./cloudflare.ts";
import { tableAuthority } from "./table-authority.ts";
import { telemetry } from "./telemetry.ts";

export interface CloudflareAdmin {
  /** The table of the moment. */
  readonly table: ConsoleOptions["table"];
  /** Passes a call of the sync service to the authority. */
  readonly sync: (request: Request) => Promise<Response>;
}

export function cloudflareAdmin(env: Env, { table, sync }: CloudflareAdmin): Hono {
  return createAdmin({
    sync: env.EDGEWAY_SYNC_TOKEN || env.EDGEWAY_CLUSTERS ? sync : undefined,
    console: consoleOf(env, table),
  });
}

function consoleOf(env: Env, table: ConsoleOptions["table"]): Hono | undefined {
  const { EDGEWAY_CONSOLE_TOKEN: token, ASSETS, TELEMETRY } = env;
  if (!token) return undefined;
  const descriptors = new LazyDescriptors(env.TABLE_AUTHORITY);
  const authority = () => tableAuthority(env.TABLE_AUTHORITY);
  return createConsole({
    token,
    table,
    authority: () => authority().view(),
    traffic: (since) => telemetry(TELEMETRY).view(since),
    descriptors: (hash) => descriptors.load(hash),
    asset: async (name) => {
      const response = await (ASSETS as unknown as { fetch: typeof fetch } | undefined)?.fetch(`http://assets/${name}`);
      return response?.ok === true ? response : undefined;
    },
    now: () => Date.now(),
  });
}
