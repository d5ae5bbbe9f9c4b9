import { expect, test } from "vitest";
import { compile } from "../routes/compile.ts";
import { part, route, to } from "../routes/table.fixture.ts";
import { Fields } from "./call/fields.ts";
import { type HttpResponse, noBody } from "./call/http.ts";
import { gatewayOf } from "./gateway.fixture.ts";
import { ManualClock } from "./http2/testing/scripted-peer.ts";

const fault = { filter: { case: "fault", value: { delayMs: 500, delayMillionths: 1_000_000 } } } as const;
const table = compile([part("east", route("r", { rules: [{ filters: [fault], backends: to({ a: 1 }) }] }))]);

/** A call of a rule that delays by 500 ms, and what became of it. */
function delayed(fields: Record<string, string>) {
  const clock = new ManualClock();
  const sent: { readonly fields: Record<string, string>; readonly leftMs: number }[] = [];
  const answers: HttpResponse[] = [];
  const handle = gatewayOf(table, clock, ({ head }, _answer, _plan, deadline) => {
    sent.push({ fields: Object.fromEntries(head.fields), leftMs: deadline - clock.now() });
    return () => {};
  });
  const head = { method: "POST", scheme: "http", authority: "x.test", path: "/s/m" } as const;
  handle(
    { head: { ...head, fields: Fields.from(Object.entries(fields)) }, body: noBody },
    { respond: (response) => void answers.push(response), fail: () => expect.unreachable() },
  );
  return { clock, sent, answers };
}

/** Promises that are settled have told so. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

const grpc = { "content-type": "application/grpc", te: "trailers" };

test("what gates take of a call's time is not there for its origin", async () => {
  const { clock, sent } = delayed({ ...grpc, "grpc-timeout": "2S" });
  clock.advance(500);
  await settled();
  expect(sent).toMatchObject([{ fields: { "grpc-timeout": "1500m" }, leftMs: 1500 }]);
  expect(sent[0]!.fields).not.toHaveProperty("grpc-previous-rpc-attempts");
});

test("a call whose deadline passes at a gate is answered then, and goes nowhere", async () => {
  const { clock, sent, answers } = delayed({ ...grpc, "grpc-timeout": "100m" });
  clock.advance(99);
  await settled();
  expect(answers).toEqual([]);
  clock.advance(1);
  await settled();
  expect(Object.fromEntries(answers[0]!.head.fields)).toMatchObject({
    "grpc-status": "4",
    "grpc-message": "the deadline of 100 ms passed",
  });
  clock.advance(1_000);
  await settled();
  expect([sent, answers.length]).toEqual([[], 1]);
});

test("a call without a deadline waits for its gates", async () => {
  const { clock, sent } = delayed(grpc);
  clock.advance(500);
  await settled();
  expect(sent).toMatchObject([{ leftMs: Infinity }]);
});
