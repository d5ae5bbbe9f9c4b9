/** The runtime's own modules, typed without @cloudflare/workers-types' globals, which contradict those of Node. */
declare module "cloudflare:sockets" {
  import type { Socket, SocketAddress, SocketOptions } from "@cloudflare/workers-types";
  export function connect(address: string | SocketAddress, options?: SocketOptions): Socket;
}

declare module "cloudflare:workers" {
  import type { DurableObjectState } from "@cloudflare/workers-types";
  export abstract class DurableObject<Env = unknown> {
    protected readonly ctx: DurableObjectState;
    protected readonly env: Env;
    constructor(ctx: DurableObjectState, env: Env);
  }
}
