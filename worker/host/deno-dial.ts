/** Connections from Deno to origins. */
import type { Backend } from "../../routes/model.ts";
import { CallError } from "../call/error.ts";
import { Code } from "../call/status.ts";
import type { Dial, Endpoint } from "../transport/pool.ts";
import { DenoStream } from "./deno-stream.ts";

/** Names of protocols in TLS (RFC 7301 section 6). */
const alpn = { http1: "http/1.1", http2: "h2" } as const;

/** Connects to an origin. HTTP/2 over TLS must be chosen by the server (ALPN, RFC 9113 section 3.2). */
export const dial: Dial = async (endpoint) => {
  const connection = await within(endpoint.connectTimeoutMs, connect(endpoint));
  return new DenoStream(connection);
};

async function connect(endpoint: Endpoint): Promise<Deno.Conn> {
  const { host, port, tls, protocol } = endpoint;
  if (!tls) return Deno.connect({ hostname: host, port });
  let connection: Deno.TlsConn | undefined;
  try {
    connection = await startTls(endpoint);
    const { alpnProtocol } = await connection.handshake();
    if (protocol === "http2" && alpnProtocol !== "h2") throw new Error("the server does not offer HTTP/2 (ALPN)");
    return connection;
  } catch (error) {
    connection?.close();
    throw explained(error as Error);
  }
}

/** Only startTls takes another name than the endpoint's, and only connectTls a certificate of the edge's own. */
async function startTls({ host, port, originTls, protocol }: Endpoint): Promise<Deno.TlsConn> {
  const options = { alpnProtocols: [alpn[protocol]], ...(originTls?.ca !== undefined && { caCerts: [originTls.ca] }) };
  if (originTls?.serverName !== undefined && originTls.serverName !== host) {
    const connection = await Deno.connect({ hostname: host, port });
    return Deno.startTls(connection, { ...options, hostname: originTls.serverName });
  }
  const client = originTls?.client && { cert: originTls.client.certificate, key: originTls.client.key };
  return Deno.connectTls({ ...options, ...client, hostname: host, port });
}

/** Deno cannot give up on a connection: one that comes too late is closed. */
async function within(ms: number, connecting: Promise<Deno.Conn>): Promise<Deno.Conn> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no connection within ${ms} ms`)), ms);
  try {
    return await Promise.race([connecting, late.promise]);
  } catch (error) {
    connecting.then(
      (connection) => connection.close(),
      () => {}, // it failed, as was told
    );
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** What of TLS Deno has no options for. */
export function cannotReach({ name, originTls, endpoints }: Backend): CallError | undefined {
  if (originTls === undefined) return undefined;
  const { subjectAltNames, insecure, client, serverName } = originTls;
  const renamed = serverName !== undefined && endpoints.some(({ host }) => host !== serverName);
  const wish = insecure
    ? "takes any certificate"
    : subjectAltNames.length > 0
      ? "names the subjectAltNames that its certificate may have"
      : client !== undefined && renamed
        ? "asks for a client certificate together with a server name that is not its address"
        : undefined;
  if (wish === undefined) return undefined;
  const message = `backend ${name} ${wish}, which Deno cannot do: Edgeway on Node can`;
  return new CallError(Code.UNAVAILABLE, message, { side: "edge" });
}

/** The error of a handshake, and what can be done about it. */
function explained(error: Error): Error {
  const [, hint] = hints.find(([text]) => error.message.includes(text)) ?? [];
  return hint === undefined ? error : new Error(`TLS: ${error.message}: ${hint}`, { cause: error });
}

/** By what rustls says. */
const hints: readonly (readonly [text: string, hint: string])[] = [
  ["UnknownIssuer", "its issuer is not trusted; name the CA in a BackendTLSPolicy or by edgeway.dev/ca-configmap"],
  ["CaUsedAsEndEntity", "its certificate is a CA's own; have the CA issue it one"],
  ["NotValidForName", "set the hostname of its BackendTLSPolicy, or edgeway.dev/server-name"],
  ["not valid for name", "set the hostname of its BackendTLSPolicy, or edgeway.dev/server-name"],
  ["Expired", "the origin's certificate has to be renewed"],
  ["UnknownCA", "the origin does not trust the issuer of the edge's client certificate"],
  ["NoApplicationProtocol", "the origin does not offer HTTP/2 (ALPN)"],
];
