import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ClusterTableSchema, OriginProtocol } from "../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "../routes/compile.ts";
import { decode } from "../routes/decode.ts";
import { Fields } from "./call/fields.ts";
import { type HttpResponse, noBody } from "./call/http.ts";
import { Gates } from "./gates.ts";
import { createGateway } from "./gateway.ts";
import { ManualClock } from "./http2/testing/scripted-peer.ts";

const source = { kind: "HTTPRoute", namespace: "default", name: "r" };

/** A call of a rule that delays by 500 ms, and what became of it. */
function delayed(fields: Record<string, string>) {
  const { part } = decode(
    create(ClusterTableSchema, {
      cluster: "east",
      backends: [{ key: "b", source, protocol: OriginProtocol.GRPC, endpoints: [{ host: "10.0.0.1", port: 80 }] }],
      routes: [
        {
          key: "r",
          source,
          rules: [
            {
              filters: [{ filter: { case: "fault", value: { delayMs: 500, delayMillionths: 1_000_000 } } }],
              backends: [{ target: { case: "backend", value: "b" }, weight: 1 }],
            },
          ],
        },
      ],
    }),
  );
  const table = compile([part!]);
  const clock = new ManualClock();
  const sent: { readonly fields: Record<string, string>; readonly leftMs: number }[] = [];
  const answers: HttpResponse[] = [];
  const gateway = createGateway({
    table: () => table,
    random: () => 0,
    now: () => 0,
    clock,
    gates: new Gates({ clock, now: () => 0, random: () => 0, fetch }),
    idleMs: undefined,
    send: ({ head }, _answer, _plan, deadline) => {
      sent.push({ fields: Object.fromEntries(head.fields), leftMs: deadline - clock.now() });
      return () => {};
    },
  });
  const head = { method: "POST", scheme: "http", authority: "x.test", path: "/s/m" } as const;
  gateway("")(
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
