/** A Workers TCP socket as a ByteStream. */
import { connect } from "cloudflare:sockets";
import type { ByteStream, ByteStreamEvents } from "../call/byte-stream.ts";
import type { Dial, Endpoint } from "../transport/pool.ts";
import { OriginStream } from "./origin-stream.ts";

/** Read with a BYOB reader of this size: the default reader brings 4 KiB at a time and is four to six times slower. */
const readBytes = 64 * 1024;
/** Bytes handed to the runtime and not yet taken by the kernel, after which the stream asks for a pause. */
const writeBytes = 256 * 1024;

type Socket = ReturnType<typeof connect>;

/** The binding of a VPC Network: plaintext TCP through a Cloudflare Tunnel into a private network. */
export interface VpcNetwork {
  /** @param address "HOST:PORT", as the network knows it */
  connect(address: string): Socket | Promise<Socket>;
}

/**
 * Connects to endpoints, by `network` to those whose transport says so. Rejects with the runtime's reason if it cannot.
 */
export const dialBy =
  (network: VpcNetwork | undefined): Dial =>
  async (endpoint) => {
    const socket = endpoint.transport === "vpc-network" ? await throughNetwork(network, endpoint) : direct(endpoint);
    return new OriginStream(await opened(socket), endpoint);
  };

function direct({ host, port, tls }: Endpoint): Socket {
  return connect({ hostname: host, port }, { secureTransport: tls ? "on" : "off", allowHalfOpen: false });
}

async function throughNetwork(network: VpcNetwork | undefined, { host, port }: Endpoint): Promise<Socket> {
  if (network === undefined) throw new Error("the Worker has no binding VPC_NETWORK");
  return network.connect(`${host.includes(":") ? `[${host}]` : host}:${port}`);
}

async function opened(socket: Socket): Promise<ByteStream> {
  // `closed` rejects when the connection breaks; the reads say the same, and they are listened to.
  socket.closed.catch(() => {});
  try {
    await socket.opened;
  } catch (error) {
    await socket.close().catch(() => {}); // it never opened: nothing is lost
    throw error;
  }
  return new SocketStream(socket);
}

class SocketStream implements ByteStream {
  readonly #socket: Socket;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #events: ByteStreamEvents | undefined;
  #unwritten = 0;
  #moved = 0;
  #blocked = false;
  #paused = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#writer = socket.writable.getWriter();
  }

  open(events: ByteStreamEvents): void {
    this.#events = events;
    this.#readAll().then(
      () => this.#close(),
      (error: unknown) => this.#close(error as Error),
    );
  }

  write(bytes: Uint8Array): boolean {
    const { byteLength } = bytes; // read now: the runtime detaches the buffer
    this.#unwritten += byteLength;
    this.#writer.write(bytes).then(
      () => this.#written(byteLength),
      (error: unknown) => this.#close(error as Error),
    );
    this.#blocked = this.#unwritten > writeBytes;
    return !this.#blocked;
  }

  get moved(): number {
    return this.#moved;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wake?.();
  }

  end(): void {
    this.#writer.close().catch(() => {}); // the reading side reports a broken connection
  }

  destroy(): void {
    this.#events = undefined;
    this.resume();
    this.#socket.close().catch(() => {}); // it may be closed already
  }

  async #readAll(): Promise<void> {
    const reader = this.#socket.readable.getReader({ mode: "byob" });
    let buffer = new ArrayBuffer(readBytes);
    while (this.#events !== undefined) {
      if (this.#paused) await new Promise<void>((resolve) => (this.#wake = resolve));
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (done || value === undefined) return;
      this.#events?.data(value);
      buffer = value.buffer;
    }
  }

  #written(byteLength: number): void {
    this.#unwritten -= byteLength;
    this.#moved += byteLength;
    if (!this.#blocked || this.#unwritten > writeBytes / 2) return;
    this.#blocked = false;
    this.#events?.drain();
  }

  #close(error?: Error): void {
    const events = this.#events;
    this.#events = undefined;
    events?.close(error);
  }
}
