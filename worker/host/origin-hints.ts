/** What may be wrong with an origin, and what can be done about it: the same words on every host. */

export const hints = {
  untrusted: "its issuer is not trusted; name the CA in a BackendTLSPolicy or by edgeway.dev/ca-configmap",
  name: "set the hostname of its BackendTLSPolicy, or edgeway.dev/server-name",
  expired: "the origin's certificate has to be renewed",
  notYet: "the origin's certificate, or a clock, is ahead of time",
  ofCa: "its certificate is a CA's own; have the CA issue it one",
  wantsClient: "the origin wants a client certificate; name one by edgeway.dev/client-cert-secret",
  mayWantClient: "the origin refused the handshake; it may want a client certificate (edgeway.dev/client-cert-secret)",
  strangeClient: "the origin does not trust the issuer of the edge's client certificate",
  badClient: "the origin refuses the edge's client certificate",
  version: "the origin does not speak TLS 1.2 or later, and the edge nothing older",
  noTls: "the origin does not speak TLS on this port; check the port, its appProtocol, or the backend protocol",
  noHttp2: "the origin does not offer HTTP/2 (ALPN)",
  http1: "the origin speaks HTTP/1.1, not HTTP/2; check its port's appProtocol, or the backend protocol",
  tls: "the origin speaks TLS on this port; check the port, its appProtocol, or the backend protocol",
  silent:
    "the origin closed the connection before it said anything in HTTP/2; " +
    "if it speaks TLS or HTTP/1.1, check its port's appProtocol, or the backend protocol",
} as const;
