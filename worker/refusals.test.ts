/** What callers are told that came to the wrong origin, or in the wrong way: what to change, and where. */
import { expect, test } from "vitest";
import { OriginProtocol } from "../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "../routes/compile.ts";
import { backend, part, route, to } from "../routes/table.fixture.ts";
import { answered, grpc, head } from "./plan.fixture.ts";

const tableTo = (protocol: OriginProtocol) =>
  compile([
    part(
      { cluster: "east", backends: [backend("default/a:1", { protocol })] },
      route("r", { rules: [{ backends: to({ a: 1 }) }] }),
    ),
  ]);

test("a gRPC call to a Service that does not say it speaks gRPC is told how to say so", () => {
  const { fields } = answered(head("/s/m", grpc, "POST"), tableTo(OriginProtocol.HTTP1)).head;
  expect([fields.get("grpc-status"), fields.get("grpc-message")]).toEqual([
    "14",
    "backend east/default/a:1 speaks HTTP/1.1: it cannot take gRPC; if its server does, set appProtocol: grpc at its Service's port",
  ]);
});
