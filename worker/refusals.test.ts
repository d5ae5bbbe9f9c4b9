/** What callers are told that came to the wrong origin, or in the wrong way: what to change, and where. */
import { expect, test } from "vitest";
import { OriginProtocol } from "../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "../routes/compile.ts";
import { backend, part, route, to } from "../routes/table.fixture.ts";
import type { HttpResponse } from "./call/http.ts";
import { answered, grpc, head } from "./plan.fixture.ts";
import { TestSink } from "./protocol/testing.ts";

const tableTo = (protocol: OriginProtocol) =>
  compile([
    part(
      { cluster: "east", backends: [backend("default/a:1", { protocol })] },
      route("r", { rules: [{ backends: to({ a: 1 }) }] }),
    ),
  ]);

const textOf = ({ body }: HttpResponse) => new TextDecoder().decode(new TestSink(body).bytes);

test("a gRPC call to a Service that does not say it speaks gRPC is told how to say so", () => {
  const { fields } = answered(head("/s/m", grpc, "POST"), tableTo(OriginProtocol.HTTP1)).head;
  expect([fields.get("grpc-status"), fields.get("grpc-message")]).toEqual([
    "14",
    "backend east/default/a:1 speaks HTTP/1.1: it cannot take gRPC; if its server does, set appProtocol: grpc at its Service's port",
  ]);
});

test("a page's preflight to a rule without CORS, which only calls can come to, is told how to allow it", () => {
  const fields = { origin: "https://page.test", "access-control-request-method": "POST" };
  const answer = answered(head("/s/m", fields, "OPTIONS"), tableTo(OriginProtocol.GRPC));
  expect(answer.head.status).toBe(404);
  expect(textOf(answer)).toContain(
    "the rule of this preflight has no CORS: to let pages call, annotate its Ingress or route with edgeway.dev/cors-origins",
  );
});

test("what curl -d sends without a content type is told which one JSON has", () => {
  const fields = { "content-type": "application/x-www-form-urlencoded" };
  const answer = answered(head("/s/m", fields, "POST"), tableTo(OriginProtocol.GRPC));
  expect([answer.head.status, textOf(answer)]).toEqual([
    415,
    '"application/x-www-form-urlencoded" is no content type of gRPC, gRPC-Web or Connect: for JSON send content-type: application/json\n',
  ]);
});
