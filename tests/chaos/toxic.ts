/** Origins that do to HTTP/2 and gRPC what broken and hostile ones do, as a seeded random says. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import {
  data,
  type FieldList,
  frame,
  goAway,
  headers,
  join,
  ok,
  ping,
  preface,
  rst,
  settings,
  settingsAck,
  windowUpdate,
} from "../../worker/http2/testing/frames.ts";

export interface Toxic {
  readonly port: number;
  /** Connections that are open. */
  readonly connections: number;
  close(): Promise<void>;
}

const grpc: FieldList = [...ok, ["content-type", "application/grpc"]];
const message = Uint8Array.from([0, 0, 0, 0, 2, 0x0a, 0]);
const fine: FieldList = [["grpc-status", "0"]];

/** One connection, as its poison sees it. */
interface Poisoned {
  readonly socket: Socket;
  readonly random: () => number;
  readonly send: (...frames: readonly Uint8Array[]) => void;
  /** After some milliseconds, if the connection is open then. */
  readonly later: (run: () => void) => void;
}

type Poison = (connection: Poisoned, stream: number) => void;

const answer = (stream: number): Uint8Array[] => [
  headers(stream, grpc),
  data(stream, message),
  headers(stream, fine, { end: true }),
];

/** By name, for the figures. Those that answer well are as many as calls need to get on. */
const poisons: Readonly<Record<string, Poison>> = {
  good: ({ send }, stream) => send(...answer(stream)),
  late: ({ send, later }, stream) => later(() => send(...answer(stream))),
  trickling: ({ later, socket }, stream) => {
    const bytes = join(...answer(stream));
    const drip = (at: number): void => {
      if (at >= bytes.length || !socket.writable) return;
      socket.write(bytes.subarray(at, at + 7));
      setImmediate(() => drip(at + 7));
    };
    later(() => drip(0));
  },
  silent: () => {},
  reset: ({ send, random }, stream) => send(rst(stream, Math.floor(random() * 14))),
  resetAmidst: ({ send }, stream) => send(headers(stream, grpc), data(stream, message), rst(stream, 2)),
  early: ({ send }, stream) => send(headers(stream, [...grpc, ["grpc-status", "9"]], { end: true }), rst(stream, 0)),
  longerThanSaid: ({ send }, stream) =>
    send(headers(stream, [...grpc, ["content-length", "3"]]), data(stream, message, { end: true })),
  shorterThanSaid: ({ send }, stream) =>
    send(
      headers(stream, grpc),
      data(stream, Uint8Array.from([0, 0x7f, 0xff, 0xff, 0xff, 1])),
      headers(stream, fine, { end: true }),
    ),
  withoutStatus: ({ send }, stream) => send(headers(stream, grpc), data(stream, message, { end: true })),
  otherHttp: ({ send }, stream) =>
    send(
      headers(stream, [
        [":status", "503"],
        ["content-type", "text/html"],
      ]),
      data(stream, "<html>", { end: true }),
    ),
  oddStatus: ({ send }, stream) => send(headers(stream, [...grpc, ["grpc-status", "teapot"]], { end: true })),
  twoHeads: ({ send }, stream) => send(headers(stream, grpc), headers(stream, grpc), ...answer(stream)),
  manyInterim: ({ send }, stream) =>
    send(...Array.from({ length: 200 }, () => headers(stream, [[":status", "103"]])), ...answer(stream)),
  halfClosed: ({ send, socket }, stream) => {
    send(headers(stream, grpc));
    socket.end();
  },
  gone: ({ socket }) => socket.destroy(),
  goAway: ({ send, random, socket }, stream) => {
    send(goAway(Math.max(0, stream - 2 * Math.floor(random() * 3)), Math.floor(random() * 14)));
    if (random() < 0.5) socket.end();
  },
  goAwayStorm: ({ send }, stream) => send(...Array.from({ length: 50 }, () => goAway(stream, 0))),
  pings: ({ send }) => send(...Array.from({ length: 500 }, (_, i) => ping(i))),
  settingsStorm: ({ send }, stream) =>
    send(...Array.from({ length: 100 }, (_, i) => settings([4, i % 2 === 0 ? 0 : 65_535])), ...answer(stream)),
  noStreams: ({ send }, stream) => send(settings([3, 0]), ...answer(stream)),
  windows: ({ send }, stream) => send(windowUpdate(stream, 0x7fffffff), windowUpdate(stream, 0x7fffffff)),
  strangeFrames: ({ send, random }, stream) =>
    send(frame(Math.floor(random() * 256), Math.floor(random() * 256), stream, [1, 2, 3, 4, 5, 6, 7, 8])),
  noise: ({ socket, random }) => socket.write(Uint8Array.from({ length: 200 }, () => Math.floor(random() * 256))),
};

const names = Object.keys(poisons);
/** Of each stream that is not poisoned. */
const goodShare = 0.6;

/** @param seen counts what was done, by name */
export async function startToxic(random: () => number, seen: Map<string, number>): Promise<Toxic> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    // One in ten never reads: what it is sent stays with the edge.
    if (random() < 0.1) socket.pause();
    else serve(socket, random, seen);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return sockets.size;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function serve(socket: Socket, random: () => number, seen: Map<string, number>): void {
  const connection: Poisoned = {
    socket,
    random,
    send: (...frames) => void (socket.writable && socket.write(join(...frames))),
    later: (run) => void setTimeout(() => socket.writable && run(), random() * 300).unref(),
  };
  let rest = Buffer.alloc(0);
  let greeted = false;
  connection.send(settings([3, 100]));
  socket.on("data", (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    if (!greeted && rest.length >= preface.length) {
      greeted = true;
      rest = rest.subarray(preface.length);
      connection.send(settingsAck);
    }
    if (!greeted) return;
    while (rest.length >= 9) {
      const length = rest.readUIntBE(0, 3);
      if (rest.length < 9 + length) return;
      const [type, flags, stream] = [rest[3]!, rest[4]!, rest.readUInt32BE(5)];
      rest = rest.subarray(9 + length);
      if (type === 4 && (flags & 1) === 0) connection.send(settingsAck);
      if (type === 0 && length > 0) connection.send(windowUpdate(0, length), windowUpdate(stream, length));
      if (type === 1) poison(connection, stream, seen);
    }
  });
}

function poison(connection: Poisoned, stream: number, seen: Map<string, number>): void {
  const { random } = connection;
  const name = random() < goodShare ? "good" : names[Math.floor(random() * names.length)]!;
  seen.set(name, (seen.get(name) ?? 0) + 1);
  poisons[name]!(connection, stream);
}
