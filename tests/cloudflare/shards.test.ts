/** A backend's calls, spread over more of its objects when one has too many of them, on workerd. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { http1Client } from "../../cli/dev/front/http1-client.ts";
import { startWorkerd } from "../../cli/dev/workerd.ts";
import { connectEdge, Pusher } from "../../kube-sync/push.ts";
import { OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import { Fields } from "../../worker/call/fields.ts";
import { noBody, type ResponseHead } from "../../worker/call/http.ts";
import { TestSink } from "../../worker/protocol/testing.ts";
import { anyCallTo } from "../edges/table.ts";
import { until } from "../e2e/until.ts";

const token = "shards";

/** The Worker, whose objects have 4,000 calls a second, as they say, and tell which one they are. */
const busy = `
import * as edgeway from "./cloudflare.js";
export * from "./cloudflare.js";
export class OriginPool extends edgeway.OriginPool {
  async fetch(request) {
    const response = await super.fetch(request);
    response.headers.set("x-edgeway-pool-calls", "4000");
    response.headers.set("object", this.ctx.id.toString());
    return response;
  }
}
export default edgeway.default;
`;

test("an object that has too many calls is relieved by others; callers get its answers as they are", async () => {
  const page = gzipSync("a page");
  const origin = createServer((_, response) => response.setHeader("content-encoding", "gzip").end(page));
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const workerd = await startWorkerd({ secrets: { EDGEWAY_SYNC_TOKEN: token }, main: busy, log: console.error });
  const client = http1Client(workerd.host, workerd.port);
  try {
    const table = anyCallTo((origin.address() as AddressInfo).port, OriginProtocol.HTTP1);
    const pusher = new Pusher(connectEdge(`http://${workerd.host}:${workerd.port}`, token));
    expect(await pusher.push(table)).toMatchObject({ kind: "accepted" });
    const get = async (): Promise<{ head: ResponseHead; text: string }> => {
      let head: ResponseHead | undefined;
      let sink: TestSink<Fields> | undefined;
      const fields = new Fields(["accept-encoding", "gzip"]);
      client.handler(
        { head: { method: "GET", scheme: "http", authority: "localhost", path: "/", fields }, body: noBody },
        {
          respond(response) {
            ({ head } = response);
            sink = new TestSink(response.body);
          },
          fail(error) {
            throw error;
          },
        },
      );
      await until(
        () => sink?.over === true,
        () => "an answer",
      );
      return { head: head!, text: gunzipSync(sink!.bytes).toString() };
    };
    const objects = new Set<string>();
    for (let i = 0; i < 60; i++) {
      // oxlint-disable-next-line no-await-in-loop -- the first answer says that there are too many
      const { head, text } = await get();
      expect(text).toBe("a page");
      expect(head.fields.get("x-edgeway-pool-calls")).toBeUndefined();
      objects.add(head.fields.get("object")!);
    }
    expect(objects.size).toBeGreaterThanOrEqual(4);
  } finally {
    client.close();
    await workerd.close();
    origin.close();
  }
});
