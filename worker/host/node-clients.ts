/** Callers of TLS listeners who have to prove themselves by a certificate. */
import type { TLSSocket } from "node:tls";
import { Fields } from "../call/fields.ts";
import { type Handler, noBody } from "../call/http.ts";
import type { Certificates, ClientCertificates } from "./node-certificates.ts";

/**
 * What answers the requests of `socket`, which has shaken hands; undefined if its caller must have a certificate and has
 * none that counts. A connection asked for one name serves no other that others may call (RFC 9110 section 15.5.20).
 */
export function guardClients(socket: TLSSocket, certificates: Certificates, handler: Handler): Handler | undefined {
  const servername = typeof socket.servername === "string" ? socket.servername : "";
  const clients = certificates.clientsOf(servername);
  if (clients !== undefined && !mayCall(socket, clients)) return undefined;
  return (request, answer) => {
    if (!certificates.askClients) return handler(request, answer);
    const wanted = certificates.clientsOf(request.head.authority);
    if (wanted === undefined || wanted.caPem === clients?.caPem) return handler(request, answer);
    answer.respond({ head: { status: 421, fields: Fields.empty }, body: noBody });
    return () => {};
  };
}

/** A resumed session counts as authorized even where it began without any certificate. */
function mayCall(socket: TLSSocket, { optional }: ClientCertificates): boolean {
  const none = Object.keys(socket.getPeerCertificate()).length === 0;
  return none ? optional : socket.authorized;
}
