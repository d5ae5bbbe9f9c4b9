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
  // A resumed session counts as authorized even where it began without any certificate.
  const shown = Object.keys(socket.getPeerCertificate()).length > 0;
  const mayCall = ({ optional }: ClientCertificates) => (shown ? socket.authorized : optional);
  if (clients !== undefined && !mayCall(clients)) return undefined;
  return (request, answer) => {
    if (!certificates.askClients) return handler(request, answer);
    const wanted = certificates.clientsOf(request.head.authority);
    if (wanted === undefined) return handler(request, answer);
    // What the caller showed was held against the CA of the name that the connection is for, and against no other.
    if (wanted.caPem === clients?.caPem && mayCall(wanted)) return handler(request, answer);
    answer.respond({ head: { status: 421, fields: Fields.empty }, body: noBody });
    return () => {};
  };
}
