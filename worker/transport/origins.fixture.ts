/** Origins played by a test, behind real pools and HTTP/2 connections: time and chance are the test's. */
import type { Backend } from "../../routes/model.ts";
import type { ByteStream } from "../call/byte-stream.ts";
import type { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { type Body, type HttpResponse, noBody, type RequestHead } from "../call/http.ts";
import { headers, ok, settings, settingsAck } from "../http2/testing/frames.ts";
import { ManualClock, Peer, TestBody, TestSink } from "../http2/testing/scripted-peer.ts";
import { echo } from "./backend.fixture.ts";
import { Origins } from "./origins.ts";
import type { Endpoint } from "./pool.ts";
import type { CallAnswer, Routing } from "./routing.ts";

export const toEcho: Routing = {
  targets: [echo],
  timeouts: undefined,
  retry: undefined,
  hedging: undefined,
  session: undefined,
  hashKey: undefined,
};

const grpcHead: RequestHead = {
  method: "POST",
  scheme: "http",
  authority: "x.test",
  path: "/a.B/C",
  fields: new Fields(["te", "trailers", "content-type", "application/grpc", "grpc-timeout", "1000m"]),
};

/** A call, and what became of it. */
export class Call implements CallAnswer {
  readonly sentTo: string[] = [];
  readonly sink = new TestSink();
  response: HttpResponse | undefined;
  failure: CallError | undefined;
  readonly cancel: (reason: CallError) => void;

  constructor(origins: Origins, routing: Routing, body: Body, head: RequestHead, deadline: number) {
    this.cancel = origins.send({ head, body }, this, routing, deadline);
  }

  attempted(_backend: string, { host }: Endpoint): void {
    this.sentTo.push(host);
  }

  respond(response: HttpResponse): void {
    if (this.response !== undefined || this.failure !== undefined) throw new Error("answered twice");
    this.response = response;
    response.body.pipe(this.sink);
  }

  fail(error: CallError): void {
    if (this.response !== undefined || this.failure !== undefined) throw new Error("answered twice");
    this.failure = error;
  }

  get status(): string | undefined {
    return this.response?.head.fields.get("grpc-status") ?? this.sink.trailers?.get("grpc-status");
  }
}

export class World {
  readonly clock = new ManualClock();
  /** Every connection that opened, by host. */
  readonly peers = new Map<string, Peer[]>();
  readonly dials: string[] = [];
  /** Hosts that refuse connections, and that never answer. */
  readonly down = new Set<string>();
  readonly silent = new Set<string>();
  /** What chance gives, one after the other; then 0. */
  chance: number[] = [];
  readonly origins: Origins;
  #flushes: (() => void)[] = [];

  constructor() {
    this.origins = new Origins({
      clock: this.clock,
      defer: (flush) => this.#flushes.push(flush),
      idleMs: 600_000,
      random: () => this.chance.shift() ?? 0,
      dial: ({ host }) => this.#dial(host),
    });
  }

  #dial(host: string): Promise<ByteStream> {
    this.dials.push(host);
    if (this.down.has(host)) return Promise.reject(new Error("connection refused"));
    if (this.silent.has(host)) return new Promise(() => {});
    const peer = new Peer();
    this.peers.set(host, [...(this.peers.get(host) ?? []), peer]);
    return Promise.resolve(peer.wire);
  }

  /** Begins a call; resolves once connections that can be opened are. */
  async call(routing: Partial<Routing> = {}, options: { body?: Body; head?: RequestHead; deadline?: number } = {}) {
    const { body = noBody, head = grpcHead, deadline = Infinity } = options;
    const call = new Call(this.origins, { ...toEcho, ...routing }, body, head, deadline);
    await this.turn();
    return call;
  }

  /** Lets promises settle, and greets on connections that opened meanwhile. */
  async turn(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      // oxlint-disable-next-line no-await-in-loop -- one turn after the other
      await new Promise(setImmediate);
      this.flush();
      for (const peers of this.peers.values()) for (const peer of peers) greet(peer);
    }
  }

  /** Lets output go. */
  flush(): void {
    const flushes = this.#flushes;
    this.#flushes = [];
    for (const flush of flushes) flush();
  }

  /** The request frames that `host` was sent on its newest connection since the last look, a line each. */
  sent(host: string): string[] {
    this.flush();
    return this.peer(host)
      .received()
      .filter((line) => /^(HEADERS|DATA|RST)/.test(line));
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.turn();
  }

  /** The newest connection to `host`. */
  peer(host: string): Peer {
    const peer = this.peers.get(host)?.at(-1);
    if (peer === undefined) throw new Error(`nobody connected to ${host}`);
    return peer;
  }

  /** Answers the stream `id` of `host` by Trailers-Only. */
  answer(host: string, id: number, status: number, fields: readonly (readonly [string, string])[] = []): void {
    const all = [...ok, ["content-type", "application/grpc"], ["grpc-status", String(status)], ...fields] as const;
    this.peer(host).send(headers(id, all, { end: true }));
  }
}

const greeted = new WeakSet<Peer>();

function greet(peer: Peer): void {
  if (greeted.has(peer) || peer.wire.events === undefined) return;
  greeted.add(peer);
  peer.send(settings(), settingsAck);
}

/** A request body of these chunks. */
export function bodyOf(...chunks: readonly string[]): TestBody {
  const body = new TestBody();
  body.pipe = (sink) => {
    body.sink = sink;
    for (const chunk of chunks) body.write(chunk);
    body.end();
  };
  return body;
}

/** `echo` of another cluster, with one endpoint at `host`. */
export function elsewhere(cluster: string, host: string): Backend {
  return { ...echo, name: `${cluster}/default/echo:50051`, endpoints: [{ host, port: 50051 }] };
}
