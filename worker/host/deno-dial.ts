/** Connections from Deno to origins. */
import type { Backend } from "../../routes/model.ts";
import { CallError } from "../call/error.ts";
import { Code } from "../call/status.ts";
import type { Dial, Endpoint } from "../transport/pool.ts";
import { DenoStream } from "./deno-stream.ts";
import { hints } from "./origin-hints.ts";
import { OriginStream } from "./origin-stream.ts";

/** Names of protocols in TLS (RFC 7301 section 6). */
const alpn = { http1: "http/1.1", http2: "h2" } as const;

/** Connects to an origin. HTTP/2 over TLS must be chosen by the server (ALPN, RFC 9113 section 3.2). */
export const dial: Dial = async (endpoint) => {
  const connection = await within(endpoint.connectTimeoutMs, connect(endpoint));
  // What the origin says of the edge's certificate, or lack of one, comes after the handshake (TLS 1.3).
  return new OriginStream(new DenoStream(connection), endpoint, explained);
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

/** An error of TLS, and what can be done about it. Other errors are left as they are. */
function explained(error: Error): Error {
  const [, hint] = ofTexts.find(([text]) => error.message.includes(text)) ?? [];
  return hint === undefined ? error : new Error(`TLS: ${error.message}: ${hint}`, { cause: error });
}

/** By what rustls says. */
const ofTexts: readonly (readonly [text: string, hint: string])[] = [
  ["UnknownIssuer", hints.untrusted],
  ["CaUsedAsEndEntity", hints.ofCa],
  ["NotValidForName", hints.name],
  ["not valid for name", hints.name],
  ["Expired", hints.expired],
  ["CertificateRequired", hints.wantsClient],
  ["HandshakeFailure", hints.mayWantClient],
  ["UnknownCA", hints.strangeClient],
  ["ProtocolVersion", hints.version],
  ["ServerDoesNotSupportTls12Or13", hints.version],
  ["InvalidContentType", hints.noTls],
  ["NoApplicationProtocol", hints.noHttp2],
];
