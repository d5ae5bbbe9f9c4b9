/**
 * New workers in the place of the old, under load: nobody notices. The callers are grpc-js, which like every gRPC client
 * sends again what it had not sent, or what was refused, when its connection was asked to go.
 */
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { echo } from "../../examples/services/echo.ts";
import { startGrpc } from "../../examples/services/servers.ts";
import { serviceName } from "../contract/clients.ts";
import { until } from "../e2e/until.ts";
import { tableTo } from "../edges/table.ts";
import { runServe, workersOf } from "./serve.ts";

const callers = 8;
const restarts = 3;

const same = (bytes: Buffer): Buffer => bytes;
const streamPath = `/${serviceName}/Stream`;
/** StreamRequest {count = 1: 20, size = 2: 10, interval_millis = 3: 50}. */
const twenty = Buffer.from([0x08, 20, 0x10, 10, 0x18, 50]);

const connect = (address: string): Client =>
  new Client(address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });

function say(client: Client): Promise<ServiceError | null> {
  const deadline = Date.now() + 20_000;
  return new Promise((resolve) => {
    client.makeUnaryRequest(`/${serviceName}/Say`, same, same, Buffer.alloc(0), new Metadata(), { deadline }, resolve);
  });
}

test("three restarts under load fail no call, and cut no stream that ends in time", async () => {
  const origin = await startGrpc("restart", 0, { [serviceName]: echo("one", "prod") });
  await using serve = await runServe(["--workers", "2"]);
  await serve.push(tableTo(serviceName, origin.port));
  const address = `127.0.0.1:${serve.ports[0]}`;
  const state = { over: false, calls: 0, messages: 0, failures: [] as string[] };

  const call = async (): Promise<void> => {
    const client = connect(address);
    while (!state.over) {
      // oxlint-disable-next-line no-await-in-loop -- one call after the other
      const failure = await say(client);
      if (failure === null) state.calls++;
      else state.failures.push(failure.message);
    }
    client.close();
  };
  const stream = async (): Promise<void> => {
    const client = connect(address);
    while (!state.over) {
      try {
        // oxlint-disable-next-line no-await-in-loop
        for await (const _ of client.makeServerStreamRequest(streamPath, same, same, twenty, new Metadata()))
          state.messages++;
      } catch (error) {
        state.failures.push(String(error));
      }
    }
    client.close();
  };
  const load = [...Array.from({ length: callers }, call), stream(), stream()];

  for (let i = 0; i < restarts; i++) {
    const before = workersOf(serve);
    const seen = state.calls;
    serve.process.kill("SIGHUP");
    // oxlint-disable-next-line no-await-in-loop -- one restart after the other
    await until(
      () => workersOf(serve).every((pid) => !before.includes(pid)) && state.calls > seen + 50,
      () => `restart ${i}: ${serve.stderr()}`,
      30_000,
    );
  }
  state.over = true;
  await Promise.all(load);
  expect(state.failures).toEqual([]);
  expect(state.calls).toBeGreaterThan(150);
  expect(state.messages).toBeGreaterThan(20);
  await origin.stop();
}, 120_000);
