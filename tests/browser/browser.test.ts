/** Real clients in a real browser, on a page of another origin than the edge's. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { selfSigned } from "../../cli/dev/front/certificates.ts";
import { edges, type EdgeUnderTest } from "../edges/edges.ts";
import { type Call, type ClientName, clients, type Outcome } from "./calls.ts";
import { descriptorSet, executable, site, visit, type Visitor } from "./chromium.ts";
import { echoService, type Origins, startOrigins, tableFor } from "./site.ts";

const missing = executable === undefined ? " (skipped: there is no chromium in PATH)" : "";

describe.skipIf(executable === undefined)(`Chromium${missing}`, () => {
  const running = new AsyncDisposableStack();
  let visitor: Visitor;
  let origins: Origins;

  beforeAll(async () => {
    origins = running.use(await startOrigins());
    visitor = running.use(await visit());
  });
  afterAll(() => running.disposeAsync());

  describe.each(["workerd", "node"])("before Edgeway on %s", (host) => {
    let edge: EdgeUnderTest;
    beforeAll(async () => {
      const table = tableFor(visitor.origin, origins, descriptorSet());
      edge = await edges[host]!(table, await selfSigned());
    });
    afterAll(() => edge.close());

    const urlOf = (name: string) => `https://${name}.${site}:${edge.port}`;

    /** Calls the echo, at the host that allows this page and its cookies. */
    function call(client: ClientName, method: string, request: object, more: Partial<Call> = {}): Promise<Outcome> {
      return visitor.call({ client, url: urlOf("echo"), method: `${echoService}/${method}`, request, ...more });
    }

    /** What became of a fetch in the page. */
    function fetchInPage(name: string, init: object): Promise<{ status?: number; headers?: object; error?: string }> {
      return visitor.page.evaluate(
        ([url, options]) =>
          fetch(url, options as RequestInit).then(
            async (response) => ({ status: response.status, headers: Object.fromEntries(response.headers) }),
            (error: unknown) => ({ error: String(error) }),
          ),
        [urlOf(name), init] as const,
      );
    }

    describe.each(clients)("%s", (client) => {
      const waitsForTheEnd = client === "grpc-web-npm-binary";

      test("makes a unary call, with metadata both ways", async () => {
        const request = {
          message: "hello",
          headers: [{ name: "x-before", value: "1" }],
          trailers: [{ name: "x-after", value: "2" }],
        };
        const outcome = await call(client, "Say", request, { headers: { "x-own": "3" } });
        expect(outcome.error).toBeUndefined();
        expect(outcome.messages).toMatchObject([{ message: "hello" }]);
        expect(outcome.messages[0].headers).toContainEqual({ name: "x-own", value: "3" });
        expect(outcome.headers).toMatchObject({ "x-before": "1" });
        expect(outcome.trailers).toMatchObject({ "x-after": "2" });
      });

      test("takes a stream as it comes", async () => {
        const { messages, times } = await call(client, "Stream", { count: 3, size: 1, intervalMillis: 150 });
        expect(messages.map(({ number }) => number)).toEqual([1, 2, 3]);
        if (!waitsForTheEnd) expect(times[2]! - times[0]!).toBeGreaterThan(200);
      });

      test("gets an error's details, and the messages before it", async () => {
        const request = { code: 9, message: "fällt aus", reason: "LICENCE_EXPIRED", after: 2 };
        const { messages, error } = await call(client, "Fail", request);
        expect(messages).toEqual([{ number: 1 }, { number: 2 }]);
        expect(error).toMatchObject({ code: 9, message: "fällt aus" });
        expect(error!.details).toMatchObject([{ reason: "LICENCE_EXPIRED", domain: "examples.edgeway.dev" }]);
      });

      test("cancels a stream, and the origin sees it", async () => {
        const calls = async () => (await call("connect", "Calls", {})).messages[0];
        const before = await calls();
        const request = { count: 10_000, size: 1, intervalMillis: 10 };
        const { messages, error } = await call(client, "Stream", request, { cancelAfterMs: 200 });
        expect(error?.code).toBe(1);
        expect(messages.length).toBeGreaterThan(waitsForTheEnd ? -1 : 0);
        await expect.poll(calls).toEqual({ open: 0, cancelled: before.cancelled + 1 });
      });

      test("has its deadline known to the origin, and kept", async () => {
        const said = await call(client, "Say", {}, { timeoutMs: 20_000 });
        expect(said.messages[0].timeoutMillis).toBeGreaterThan(15_000);
        expect(said.messages[0].timeoutMillis).toBeLessThanOrEqual(20_000);
        const { error } = await call(client, "Sleep", { millis: 10_000 }, { timeoutMs: 150 });
        expect(error?.code).toBe(4);
      });

      test("reads an error of the edge's own", async () => {
        const { error } = await call(client, "Say", {}, { url: urlOf("dead") });
        expect(error).toMatchObject({ code: 14, message: expect.stringContaining("backend east/dead") });
      });

      test("takes a cookie along where it may", async () => {
        const url = urlOf("echo");
        const cookie = { name: "session", value: client, url, secure: true, sameSite: "None" } as const;
        await visitor.page.context().addCookies([cookie]);
        const { messages } = await call(client, "Say", {}, { credentials: true });
        expect(messages[0].headers).toContainEqual({ name: "cookie", value: `session=${client}` });
      });

      test("is refused by the browser where its page is not allowed, and cookies where they are not", async () => {
        const refused = await call(client, "Say", {}, { url: urlOf("others") });
        expect([refused.messages, refused.error !== undefined]).toEqual([[], true]);
        const open = await call(client, "Say", {}, { url: urlOf("public") });
        expect(open.messages).toHaveLength(1);
        const withCookies = await call(client, "Say", {}, { url: urlOf("public"), credentials: true });
        expect([withCookies.messages, withCookies.error !== undefined]).toEqual([[], true]);
      });
    });

    test("asks the edge before a call, and not again before those that follow", async () => {
      const url = `${urlOf("public")}/${echoService}/Calls`;
      const asked = () => visitor.preflights.filter((each) => each === url).length;
      for (const more of [{}, { timeoutMs: 10_000 }, {}]) {
        const { messages } = await call("connect", "Calls", {}, { url: urlOf("public"), ...more });
        expect(messages).toHaveLength(1);
      }
      expect(asked()).toBe(1);
    });

    test("of plain HTTP, uses methods and fields of its own, and reads the answer's", async () => {
      const { status, headers } = await fetchInPage("http", { method: "PUT", headers: { "x-own": "1" }, body: "{}" });
      expect(status).toBe(200);
      expect(headers).toMatchObject({ "content-type": "application/json", date: expect.any(String) });
    });

    test("is left to an origin that says nothing of CORS where the route says nothing", async () => {
      expect(await fetchInPage("silent", {})).toEqual({ error: "TypeError: Failed to fetch" });
    });
  });
});
