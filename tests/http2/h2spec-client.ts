/** One GET with the engine's client, for h2specd to run: `node tests/http2/h2spec-client.ts URL`. */
import { setTimeout as delay } from "node:timers/promises";
import { call, connect } from "./subjects.ts";

const url = new URL(process.argv[2]!);
const { promise: closed, resolve } = Promise.withResolvers<void>();
const client = await connect(Number(url.port), { onClose: () => resolve() });
await call(client, { method: "GET", authority: url.host, path: url.pathname }).catch(() => {});
// The suite may have more to say behind its answer; it wants the command back within three seconds.
await Promise.race([closed, delay(300)]);
process.exit();
