/** The engine against nginx and HAProxy, where they are installed: they are named in what is skipped. */
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Fields } from "../../worker/call/fields.ts";
import type { Handler } from "../../worker/call/http.ts";
import { Code } from "../../worker/call/status.ts";
import { bodyOf, call, connect, listen, sumOf } from "./subjects.ts";
import { freePort, noise, program, startServer } from "./tools.ts";

const sizes = [0, 1, 100, 16_384, 1_000_000, 64_000_000];

describe("our client and nginx", () => {
  const nginx = program("nginx");
  test.skipIf(nginx === undefined)(
    "(if installed): files of all sizes, and an upload that is refused half-way",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "edgeway-nginx-"));
      chmodSync(folder, 0o755);
      for (const size of sizes) writeFileSync(join(folder, String(size)), noise(size));
      const port = await freePort();
      const lines = [
        "daemon off; error_log stderr; pid nginx.pid; events {}",
        `http { access_log off; server { listen 127.0.0.1:${port} http2; root ${folder}; keepalive_requests 20; } }`,
      ];
      writeFileSync(join(folder, "nginx.conf"), lines.join("\n"));
      const server = await startServer(nginx!, ["-p", folder, "-c", "nginx.conf", "-g", "user root;"], port);
      const { promise: closed, resolve } = Promise.withResolvers<unknown>();
      const client = await connect(port, { onClose: resolve });
      for (const size of sizes) {
        const reply = await call(client, { method: "GET", path: `/${size}` });
        expect(reply).toMatchObject({ status: 200, bytes: size, sum: sumOf(noise(size)) });
      }
      expect(await call(client, { path: "/100", body: bodyOf(noise(30_000_000)) })).toMatchObject({ status: 405 });
      // After twenty requests it says GOAWAY: those it did not take may be sent again, the others are answered.
      const outcomes = await Promise.allSettled(
        Array.from({ length: 40 }, () => call(client, { method: "GET", path: "/100" })),
      );
      for (const outcome of outcomes) {
        if (outcome.status === "fulfilled") expect(outcome.value).toMatchObject({ status: 200, bytes: 100 });
        else expect(outcome.reason).toMatchObject({ code: Code.UNAVAILABLE, unprocessed: true });
      }
      expect(outcomes.some(({ status }) => status === "rejected")).toBe(true);
      expect(await closed).toBeUndefined();
      server.kill();
    },
  );
});

/** Reads a request to its end, says what it was, and answers with as many bytes as the request's x-size wants. */
const exchange: Handler = ({ head, body }, answer) => {
  let [bytes, sum] = [0, 0];
  body.pipe({
    write(piece) {
      bytes += piece.length;
      sum = sumOf(piece, sum);
      body.consumed(piece.length);
    },
    end(trailers) {
      const got: [string, string][] = [["x-got", `${bytes} ${sum} ${trailers.get("x-of")}`]];
      const size = Number(head.fields.get("x-size"));
      answer.respond({
        head: { status: 200, fields: Fields.from(got) },
        body: bodyOf(noise(size), Fields.from([["x-of", String(size)]])),
      });
    },
    fail() {},
  });
  return () => {};
};

// HAProxy 2.6 stands still where both halves of a stream are full, between two peers of Node's own http2 as well: so one
// half ends before the other begins.
describe("our client and our server, HAProxy between them", () => {
  const haproxy = program("haproxy");
  test.skipIf(haproxy === undefined)(
    "(if installed): requests and answers of all sizes with trailers, and many at once",
    async () => {
      const origin = await listen(exchange);
      const port = await freePort();
      const folder = mkdtempSync(join(tmpdir(), "edgeway-haproxy-"));
      const lines = [
        "defaults",
        "  mode http",
        "  timeout connect 5s",
        "  timeout client 30s",
        "  timeout server 30s",
        "listen edge",
        `  bind 127.0.0.1:${port} proto h2`,
        `  server origin 127.0.0.1:${origin.port} proto h2`,
        "",
      ];
      writeFileSync(join(folder, "haproxy.cfg"), lines.join("\n"));
      const server = await startServer(haproxy!, ["-db", "-f", join(folder, "haproxy.cfg")], port);
      const client = await connect(port);
      const expectExchanged = async (up: number, down: number): Promise<void> => {
        const sent = noise(up);
        const reply = await call(client, {
          fields: Fields.from([["x-size", String(down)]]),
          body: bodyOf(sent, Fields.from([["x-of", String(up)]])),
        });
        expect(reply).toMatchObject({ status: 200, bytes: down, sum: sumOf(noise(down)) });
        expect(reply.fields.get("x-got")).toBe(`${up} ${sumOf(sent)} ${up}`);
        expect(reply.trailers.get("x-of")).toBe(String(down));
      };
      for (const size of sizes) {
        await expectExchanged(size, 0);
        await expectExchanged(0, size);
      }
      await Promise.all(Array.from({ length: 300 }, (_, i) => expectExchanged(i, 300 - i)));
      client.close();
      server.kill();
      await origin.close();
    },
  );
});
