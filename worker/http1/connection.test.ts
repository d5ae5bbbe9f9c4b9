import { describe, expect, test } from "vitest";
import type { ByteStream, ByteStreamEvents } from "../call/byte-stream.ts";
import type { CallError } from "../call/error.ts";
import { Fields } from "../call/fields.ts";
import { type Body, type BodySink, type HttpResponse, noBody, type RequestHead } from "../call/http.ts";
import { connectHttp1, type Http1Client } from "./connection.ts";

const octets = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const text = (bytes: Uint8Array) => String.fromCharCode(...bytes);

/** The origin's end of a connection. */
class Origin implements ByteStream {
  received = "";
  paused = false;
  destroyed = false;
  /** Whether the connection takes more than it has. */
  accepting = true;
  events!: ByteStreamEvents;
  open(events: ByteStreamEvents): void {
    this.events = events;
  }
  write(bytes: Uint8Array): boolean {
    this.received += text(bytes);
    return this.accepting;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  end(): void {}
  destroy(): void {
    this.destroyed = true;
  }
  send(answer: string): void {
    this.events.data(octets(answer));
  }
  /** What came since this was last asked. */
  take(): string {
    const { received } = this;
    this.received = "";
    return received;
  }
}

/** A body that the test writes. */
class Written implements Body {
  sink: BodySink | undefined;
  credit = 0;
  cancelled: CallError | undefined;
  pipe(sink: BodySink): void {
    this.sink = sink;
  }
  consumed(bytes: number): void {
    this.credit += bytes;
  }
  cancel(error: CallError): void {
    this.cancelled = error;
  }
}

class Asked {
  response: HttpResponse | undefined;
  body = "";
  trailers: readonly string[] | undefined;
  error: string | undefined;
  readonly cancel: ReturnType<Http1Client["handle"]>;

  constructor(client: Http1Client, head: Partial<RequestHead> = {}, body: Body = noBody, pipe = true) {
    const full = {
      method: "GET",
      scheme: "http",
      authority: "www.example.com",
      path: "/",
      fields: Fields.empty,
      ...head,
    };
    this.cancel = client.handle(
      { head: full as RequestHead, body },
      {
        respond: (response) => {
          this.response = response;
          if (pipe) this.pipe();
        },
        fail: (error) => (this.error = error.message),
      },
    );
  }

  pipe(): void {
    this.response!.body.pipe({
      write: (bytes) => (this.body += text(bytes)),
      end: (trailers) => (this.trailers = trailers.flat),
      fail: (error) => (this.error = error.message),
    });
  }
}

function connected() {
  const origin = new Origin();
  const timers: (() => void)[] = [];
  const seen = { capacity: 0, closed: 0 };
  const client = connectHttp1(origin, {
    clock: {
      now: () => 0,
      after(_, run) {
        timers.push(run);
        return () => timers.splice(timers.indexOf(run), 1);
      },
    },
    idleMs: 4000,
    onCapacity: () => seen.capacity++,
    onClose: () => seen.closed++,
  });
  return { origin, client, timers, seen };
}

const ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

test("a request keeps the caller's host and fields, and its answer comes back", () => {
  const { origin, client } = connected();
  const asked = new Asked(client, { path: "/a?b=c", fields: new Fields(["x-a", "1", "x-a", "2"]) });
  expect(origin.take()).toBe("GET /a?b=c HTTP/1.1\r\nhost: www.example.com\r\nx-a: 1\r\nx-a: 2\r\n\r\n");
  origin.send(ok);
  expect(asked.response?.head).toEqual({ status: 200, fields: new Fields(["content-length", "2"]) });
  expect(asked).toMatchObject({ body: "ok", trailers: [] });
});

test("one exchange follows another on the same connection", () => {
  const { origin, client, seen } = connected();
  for (let i = 1; i <= 3; i++) {
    expect(client.capacity).toBe(1);
    const asked = new Asked(client);
    expect(client.capacity).toBe(0);
    origin.send(ok);
    expect(asked.body).toBe("ok");
    expect(seen).toEqual({ capacity: i, closed: 0 });
  }
});

test("a body of unknown length goes in chunks, one of known length as it is, none at all says so", () => {
  const { origin, client } = connected();
  const body = new Written();
  const asked = new Asked(client, { method: "POST" }, body);
  expect(origin.take()).toBe("POST / HTTP/1.1\r\nhost: www.example.com\r\ntransfer-encoding: chunked\r\n\r\n");
  body.sink!.write(octets("hello"));
  body.sink!.write(octets("0123456789abcdef"));
  body.sink!.end(Fields.empty);
  expect(origin.take()).toBe("5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
  origin.send(ok);
  expect(asked.body).toBe("ok");

  const known = new Written();
  void new Asked(client, { method: "PUT", fields: new Fields(["content-length", "5"]) }, known);
  expect(origin.take()).toBe("PUT / HTTP/1.1\r\nhost: www.example.com\r\ncontent-length: 5\r\n\r\n");
  known.sink!.write(octets("hello"));
  known.sink!.end(Fields.empty);
  expect(origin.take()).toBe("hello");
  origin.send(ok);

  void new Asked(client, { method: "POST" });
  expect(origin.take()).toBe("POST / HTTP/1.1\r\nhost: www.example.com\r\ncontent-length: 0\r\n\r\n");
});

test("the caller's body is credited as the connection takes it", () => {
  const { origin, client } = connected();
  const body = new Written();
  void new Asked(client, { method: "POST" }, body);
  body.sink!.write(octets("hello"));
  expect(body.credit).toBe(5);
  origin.accepting = false;
  body.sink!.write(octets("world!"));
  expect(body.credit).toBe(5);
  origin.events.drain();
  expect(body.credit).toBe(11);
});

test("an answer that nobody reads stops the connection, and reading starts it again", () => {
  const { origin, client } = connected();
  const asked = new Asked(client, {}, noBody, false);
  origin.send(`HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n${"x".repeat(65_536)}`);
  expect(origin.paused).toBe(true);
  asked.pipe();
  expect(asked.body).toHaveLength(65_536);
  asked.response!.body.consumed(65_536);
  expect(origin.paused).toBe(false);
});

test("an answer that ended before anyone took it is still whole", () => {
  const { origin, client } = connected();
  const asked = new Asked(client, {}, noBody, false);
  origin.send(ok);
  asked.pipe();
  expect(asked).toMatchObject({ body: "ok", trailers: [] });
});

describe("the connection is closed, and no other request sent on it, when", () => {
  test("the origin answers before it has the whole request: the rest is not wanted", () => {
    const { origin, client, seen } = connected();
    const body = new Written();
    const asked = new Asked(client, { method: "POST" }, body);
    origin.send("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n");
    expect(asked.response?.head.status).toBe(413);
    expect(body.cancelled).toBeDefined();
    expect(origin.destroyed).toBe(true);
    expect(seen.closed).toBe(1);
    expect(client.capacity).toBe(0);
  });

  test("the caller leaves: it hears nothing more", () => {
    const { origin, client } = connected();
    const asked = new Asked(client);
    asked.cancel({ message: "gone" } as CallError);
    expect(origin.destroyed).toBe(true);
    expect(asked).toMatchObject({ response: undefined, error: undefined });
  });

  test("the caller's body breaks off", () => {
    const { origin, client } = connected();
    const body = new Written();
    const asked = new Asked(client, { method: "POST" }, body);
    body.sink!.fail({ message: "the caller went away" } as CallError);
    expect(origin.destroyed).toBe(true);
    expect(asked.error).toBe("the caller went away");
  });

  test.each([
    ["longer", "hello!"],
    ["shorter", "hell"],
  ])("the caller's body is %s than it said: the rest would be another request", (_, sent) => {
    const { origin, client } = connected();
    const body = new Written();
    const asked = new Asked(client, { method: "POST", fields: new Fields(["content-length", "5"]) }, body);
    body.sink!.write(octets(sent));
    body.sink?.end(Fields.empty);
    expect(asked.error).toBe("the body is not as long as content-length says");
    expect(origin.destroyed).toBe(true);
  });

  test("the origin says what nobody asked for", () => {
    const { origin, client } = connected();
    origin.send(ok);
    expect(origin.destroyed).toBe(true);
    expect(client.capacity).toBe(0);
  });

  test("it is idle for too long", () => {
    const { origin, client, timers } = connected();
    void new Asked(client);
    expect(timers).toHaveLength(0);
    origin.send(ok);
    timers[0]!();
    expect(origin.destroyed).toBe(true);
  });
});

test("a connection lost before, or in the middle of, an answer fails the call", () => {
  const before = connected();
  const none = new Asked(before.client);
  before.origin.events.close(new Error("read ECONNRESET"));
  expect(none.error).toBe("the connection was lost: read ECONNRESET");

  const middle = connected();
  const half = new Asked(middle.client);
  middle.origin.send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell");
  middle.origin.events.close();
  expect(half).toMatchObject({ body: "hell", error: expect.stringContaining("before the answer did") });
});

test("an answer that goes on to the connection's end is whole if the origin closed it, and fails if it was lost", () => {
  const answer = "HTTP/1.1 200 OK\r\n\r\nhalf of th";
  const closed = connected();
  const whole = new Asked(closed.client);
  closed.origin.send(answer);
  closed.origin.events.close();
  expect(whole).toMatchObject({ body: "half of th", trailers: [], error: undefined });

  const lost = connected();
  const half = new Asked(lost.client);
  lost.origin.send(answer);
  lost.origin.events.close(new Error("read ECONNRESET"));
  expect(half).toMatchObject({ trailers: undefined, error: "the connection was lost: read ECONNRESET" });
});

test("a path that would end the request line is refused", () => {
  const { origin, client } = connected();
  const asked = new Asked(client, { path: "/a HTTP/1.1\r\nx: y" });
  expect(asked.error).toBe("the path has a space or a control character");
  expect(origin.received).toBe("");
});
