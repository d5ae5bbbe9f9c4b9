import { createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GrpcClient } from "./clients.ts";
import { edge } from "./edge.ts";
import { grpcService } from "./manifests.ts";
import { http2Origin, listen } from "./peers.ts";

const greet = "helloworld.Greeter/SayHello";

export function origins(): void {
  let client: GrpcClient;
  beforeAll(() => {
    client = new GrpcClient(edge);
  });
  afterAll(() => client.close());

  describe("an origin that is killed", () => {
    test("is UNAVAILABLE within a second, by the backend's name, and serves again when it is back", async () => {
      const { greeter } = edge.examples.east;
      await client.unary(greet, { name: "Ada" });
      await greeter.stop();
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const begin = performance.now();
        const details = expect.stringContaining("backend east/default/greeter:50051");
        await expect(client.unary(greet, { name: "Ada" })).rejects.toMatchObject({ code: 14, details });
        expect(performance.now() - begin).toBeLessThan(1000);
      }
      await greeter.start();
      expect(await client.unary(greet, { name: "Ada" })).toEqual({ message: "Hello Ada" });
    });

    test("ends the calls that are in progress, with its name", async () => {
      const store = edge.examples.east["key-value-store"];
      const call = client.open("keyvaluestore.KeyValueStore/GetValues");
      const answers = call[Symbol.asyncIterator]();
      call.write({ key: "key1" });
      expect((await answers.next()).value).toEqual({ value: "value1" });
      await store.stop();
      const details = expect.stringContaining("backend east/default/key-value-store:50051");
      await expect(answers.next()).rejects.toMatchObject({ code: 14, details });
      await store.start();
    });
  });

  test("1,000 sequential calls use one connection", async () => {
    const peers = new Set<unknown>();
    const times: number[] = [];
    for (let i = 0; i < 1000; i += 1) {
      const begin = performance.now();
      const { peer } = await client.unary("edgeway.examples.v1.Echo/Say", {}, { env: "env1" });
      times.push(performance.now() - begin);
      peers.add(peer);
    }
    const median = times.slice(-500).toSorted((a, b) => a - b)[250]!;
    console.log(`a unary call through the edge: ${median.toFixed(2)} ms (median of 500, one after the other)`);
    expect([...peers]).toHaveLength(1);
  });

  test("an origin that takes connections and says nothing costs the caller no more than its deadline", async () => {
    const sockets: Socket[] = [];
    await using silent = await listen(
      createServer((socket) => void sockets.push(socket)),
      () => sockets,
    );
    await edge.apply("east", "silent.yaml", grpcService("silent.test", silent.address));
    const patient = new GrpcClient({ ...edge, authority: "silent.test" });
    const begin = performance.now();
    const call = patient.call(greet, {}, undefined, { deadline: Date.now() + 500 });
    await expect(call).rejects.toMatchObject({ code: 4 });
    expect(performance.now() - begin).toBeLessThan(1500);
    patient.close();
  });

  test("an origin that speaks something else is named, and its connection closed", async () => {
    // Disposing of it waits for the edge to close the connection.
    await using odd = await listen(createServer((socket) => socket.resume().end("SSH-2.0-OpenSSH_9.9\r\n")));
    await edge.apply("east", "odd.yaml", grpcService("odd.test", odd.address));
    const visitor = new GrpcClient({ ...edge, authority: "odd.test" });
    const details = expect.stringContaining("backend east/default/odd-test:80");
    await expect(visitor.unary(greet, {})).rejects.toMatchObject({ code: 14, details });
    visitor.close();
  });

  test("an origin that answers and shuts its connection down is reached again by another", async () => {
    await using origin = await http2Origin((stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "0" }, { endStream: true });
      stream.session!.goaway();
    });
    await edge.apply("east", "leaving.yaml", grpcService("leaving.test", origin.address));
    const visitor = new GrpcClient({ ...edge, authority: "leaving.test" });
    for (let i = 0; i < 3; i += 1) await expect(visitor.unary(greet, {})).rejects.toMatchObject({ code: 12 });
    visitor.close();
  });
}
