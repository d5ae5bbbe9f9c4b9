/**
 * Cloudflare's front, played locally: takes TLS with HTTP/2 and HTTP/1.1, and both in the clear, and passes requests to
 * the Worker, gRPC calls as gRPC-Web. workerd itself listens to HTTP/1.1 in the clear only.
 */
import { Fields } from "../../../worker/call/fields.ts";
import type { Handler } from "../../../worker/call/http.ts";
import { type Certificate, Certificates } from "../../../worker/host/node-certificates.ts";
import { orBadGateway } from "./bad-gateway.ts";
import { selfSigned } from "./certificates.ts";
import { bridgeGrpc } from "./grpc-bridge.ts";
import { listenOnLoopback } from "./loopback.ts";

export interface FrontOptions {
  /** What answers: workerd, over HTTP/1.1. */
  readonly worker: Handler;
  /** 0 for any. */
  readonly tlsPort: number;
  /** 0 for any. */
  readonly clearPort: number;
}

export interface Front {
  readonly tlsPort: number;
  readonly clearPort: number;
  /** Puts these in the place of all certificates but the self-signed one. Returns a line for each unusable one. */
  setCertificates(certificates: readonly Certificate[]): string[];
  /** Closes the listeners and every connection. */
  close(): Promise<void>;
}

/** @throws Error in one line if a port is taken */
export async function startFront({ worker, tlsPort, clearPort }: FrontOptions): Promise<Front> {
  const toWorker = orBadGateway(bridgeGrpc(worker));
  const handlerFor = (remoteAddress: string) => asVisitor(remoteAddress, toWorker);
  const certificates = new Certificates(await selfSigned());
  const tls = await listenOnLoopback({ port: tlsPort, certificates, handlerFor });
  try {
    const clear = await listenOnLoopback({ port: clearPort, handlerFor });
    return {
      tlsPort: tls.port,
      clearPort: clear.port,
      setCertificates: (set) => certificates.set(set),
      close: async () => {
        await Promise.all([tls.close(), clear.close()]);
      },
    };
  } catch (error) {
    await tls.close();
    throw error;
  }
}

/** The fields that tell the Worker who called, and how; a caller's own are worth nothing. */
function asVisitor(remoteAddress: string, handler: Handler): Handler {
  return ({ head, body }, answer) => {
    const kept = [...head.fields].filter(([name]) => name !== "cf-connecting-ip" && name !== "x-forwarded-proto");
    const fields = Fields.from([...kept, ["cf-connecting-ip", remoteAddress], ["x-forwarded-proto", head.scheme]]);
    return handler({ head: { ...head, fields }, body }, answer);
  };
}
