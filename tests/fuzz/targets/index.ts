/** All that is fuzzed, by the name that `--target` takes. */
import type { Target } from "../target.ts";

interface Entry {
  /** Of the inputs of a run: the cheaper and the nearer to the network, the more. */
  readonly share: number;
  /** Loaded in the thread that runs it, and there alone. */
  readonly load: () => Promise<Target>;
}

const wire = () => import("./wire.ts");
const http2 = () => import("./http2-endpoints.ts");
const http1 = () => import("./http1.ts");
const calls = () => import("./calls.ts");
const transcode = () => import("./transcode.ts");

export const targets: Readonly<Record<string, Entry>> = {
  "http2-frames": { share: 100, load: async () => (await import("./http2-frames.ts")).frameReader },
  "http2-server": { share: 40, load: async () => (await http2()).server },
  "http2-client": { share: 30, load: async () => (await http2()).client },
  hpack: { share: 100, load: async () => (await import("./hpack.ts")).hpack },
  envelope: { share: 100, load: async () => (await wire()).envelopes },
  "web-trailers": { share: 80, load: async () => (await wire()).webTrailers },
  base64: { share: 100, load: async () => (await wire()).base64 },
  percent: { share: 60, load: async () => (await wire()).percent },
  timeout: { share: 60, load: async () => (await wire()).timeout },
  "connect-json": { share: 60, load: async () => (await wire()).connectJson },
  request: { share: 80, load: async () => (await calls()).request },
  answer: { share: 40, load: async () => (await calls()).answer },
  "plan-json": { share: 20, load: async () => (await calls()).planJson },
  "http1-answer": { share: 80, load: async () => (await http1()).http1Answer },
  "http1-request": { share: 30, load: async () => (await http1()).http1Request },
  "proxy-protocol": { share: 40, load: async () => (await import("./proxy.ts")).proxy },
  table: { share: 30, load: async () => (await import("./routes.ts")).table },
  regex: { share: 20, load: async () => (await import("./regex.ts")).regex },
  json: { share: 30, load: async () => (await transcode()).json },
  protobuf: { share: 40, load: async () => (await transcode()).protobuf },
  rest: { share: 30, load: async () => (await transcode()).rest },
  descriptors: { share: 5, load: async () => (await transcode()).descriptors },
  yaml: { share: 10, load: async () => (await import("./kube.ts")).yaml },
};
