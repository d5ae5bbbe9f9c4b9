/**
 * The PROXY protocol, by which a load balancer in front tells whose connection it passes on
 * (haproxy.org/download/2.9/doc/proxy-protocol.txt), versions 1 and 2.
 */
import { isIP, type Socket } from "node:net";

/** A header that is whole, and how many bytes it had. */
interface ProxyHeader {
  /** Undefined: the balancer speaks for itself (LOCAL, UNKNOWN), or of a socket that has no IP address. */
  readonly source: string | undefined;
  readonly bytes: number;
}

const signature2 = Buffer.from("\r\n\r\n\0\r\nQUIT\n");
/** Section 2.1. */
const maxBytes1 = 107;
/** Of version 2, fixed part included: more than any balancer's TLVs. */
const maxBytes2 = 4_096;
/** A balancer says it at once. */
const patienceMs = 5_000;

/**
 * The header that `begin` starts with; undefined while more of it is to come.
 *
 * @throws Error if it starts with none
 */
export function parseProxyHeader(begin: Buffer): ProxyHeader | undefined {
  const compared = Math.min(begin.length, signature2.length);
  if (begin.subarray(0, compared).equals(signature2.subarray(0, compared)))
    return compared < signature2.length ? undefined : parse2(begin);
  return parse1(begin);
}

const line1 = /^PROXY (?:UNKNOWN(?: .*)?|TCP[46] ([0-9a-fA-F.:]+) [0-9a-fA-F.:]+ \d{1,5} \d{1,5})$/;

function parse1(begin: Buffer): ProxyHeader | undefined {
  const end = begin.subarray(0, maxBytes1).indexOf("\r\n");
  const line = begin.toString("latin1", 0, end < 0 ? Math.min(begin.length, maxBytes1) : end);
  if (end < 0 && begin.length < maxBytes1 && ("PROXY ".startsWith(line.slice(0, 6)) || line.startsWith("PROXY ")))
    return undefined;
  const parts = end < 0 ? null : line1.exec(line);
  const source = parts?.[1];
  if (parts === null || (source !== undefined && isIP(source) === 0))
    throw new Error("the connection does not begin with a PROXY protocol header");
  return { source, bytes: end + 2 };
}

const addressBytes = { 0x11: 4, 0x12: 4, 0x21: 16, 0x22: 16 } as const;

/** Section 2.2: a signature, version and command, family, length, addresses, and what may follow them. */
function parse2(begin: Buffer): ProxyHeader | undefined {
  if (begin.length < 16) return undefined;
  const [command, family] = [begin[12]!, begin[13]!];
  const bytes = 16 + begin.readUInt16BE(14);
  if (command >> 4 !== 2 || (command & 0xf) > 1) throw new Error("the PROXY protocol header is of an unknown version");
  if (bytes > maxBytes2) throw new Error(`the PROXY protocol header has ${bytes} bytes`);
  if (begin.length < bytes) return undefined;
  const length = addressBytes[family as keyof typeof addressBytes];
  if ((command & 0xf) === 0 || length === undefined || bytes < 16 + 2 * length + 4) return { source: undefined, bytes };
  return { source: addressOf(begin.subarray(16, 16 + length)), bytes };
}

function addressOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1); // in its shortest form (RFC 5952)
}

/**
 * Reads the header that `socket` begins with, and leaves the socket as if it began after it. Resolves to the caller's
 * address.
 *
 * @param log gets a line if there is none; not if the peer leaves without a word, as a balancer's health checks do
 * @throws Error if the connection begins otherwise, ends, or says nothing
 */
export function readProxyHeader(socket: Socket, log: (line: string) => void = () => {}): Promise<string | undefined> {
  let begin = Buffer.alloc(0);
  const { remoteAddress } = socket; // unknown once it is closed
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      socket.off("readable", look).off("end", gone).off("close", gone);
      act();
    };
    const refuse = (error: Error): void => {
      log(`closed a connection of ${remoteAddress}: ${error.message}`);
      settle(() => reject(error));
    };
    const missing = (): Error => new Error("no PROXY protocol header came");
    const gone = (): void => (begin.length > 0 ? refuse(missing()) : settle(() => reject(missing())));
    const timer = setTimeout(() => refuse(missing()), patienceMs);
    const look = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      begin = Buffer.concat([begin, chunk]);
      try {
        const header = parseProxyHeader(begin);
        if (header === undefined) return;
        settle(() => {
          if (begin.length > header.bytes) socket.unshift(begin.subarray(header.bytes));
          resolve(header.source);
        });
      } catch (error) {
        refuse(error as Error);
      }
    };
    socket.on("readable", look).once("end", gone).once("close", gone);
  });
}
