/** The engine against nginx and HAProxy, where they are installed: they are named in what is skipped. */
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Fields } from "../../worker/call/fields.ts";
import { Code } from "../../worker/call/status.ts";
import { bodyOf, call, connect, echo, listen, sumOf } from "./subjects.ts";
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

describe("our client and our server, HAProxy between them", () => {
  const haproxy = program("haproxy");
  test.skipIf(haproxy === undefined)(
    "(if installed): bodies of all sizes with trailers, and many at once",
    async () => {
      const origin = await listen(echo);
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
      const trailers = Fields.from([["x-sum", "5"]]);
      for (const size of sizes) {
        const bytes = noise(size);
        const reply = await call(client, { body: bodyOf(bytes, trailers) });
        expect(reply).toMatchObject({ status: 200, bytes: size, sum: sumOf(bytes) });
        expect(reply.trailers.get("x-sum")).toBe("5");
      }
      const replies = await Promise.all(
        Array.from({ length: 300 }, (_, i) => call(client, { body: bodyOf(noise(i)) })),
      );
      expect(replies.map(({ bytes }) => bytes)).toEqual(Array.from({ length: 300 }, (_, i) => i));
      client.close();
      server.kill();
      await origin.close();
    },
  );
});
