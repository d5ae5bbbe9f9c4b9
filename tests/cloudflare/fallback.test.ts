/** The table's copy in KV, on workerd: what an isolate serves by when the authority's object fails. */
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { afterAll, expect, test } from "vitest";
import { startWorkerd, type Workerd } from "../../cli/dev/workerd.ts";
import { connectEdge, Pusher } from "../../kube-sync/push.ts";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { until } from "../e2e/until.ts";

const persist = mkdtempSync(join(tmpdir(), "edgeway-fallback-"));
afterAll(() => rmSync(persist, { recursive: true }));

const token = "fallback";

const table = create(ClusterTableSchema, {
  cluster: "one",
  routes: [
    {
      key: "HTTPRoute/default/hello",
      source: { kind: "HTTPRoute", namespace: "default", name: "hello" },
      rules: [
        {
          // Not one that is told without RE2.
          matches: [{ conditions: [{ subject: { case: "header", value: "tier" }, regex: "gold|silver[0-9]+" }] }],
          filters: [{ filter: { case: "directResponse", value: { status: 200, body: "hello" } } }],
        },
      ],
    },
  ],
});

/** The Worker, whose authority does this when it is asked for the table. */
const workerWhoseAuthority = (does: string): string => `
import * as edgeway from "./cloudflare.js";
export * from "./cloudflare.js";
export const TableAuthority = class extends edgeway.TableAuthority {
  async tableSince() { ${does} }
};
export default edgeway.default;
`;

/** Values that KV has. */
const copies = (): number => globSync("kv/**/blobs/*", { cwd: persist }).length;

const hello = (workerd: Workerd): Promise<Response> =>
  fetch(`http://${workerd.host}:${workerd.port}/`, { headers: { tier: "silver7" } });

test("an isolate that starts while the authority fails serves the table of KV's copy", async () => {
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const first = await startWorkerd({ secrets: { EDGEWAY_SYNC_TOKEN: token }, persist, log });
  try {
    const pusher = new Pusher(connectEdge(`http://${first.host}:${first.port}`, token));
    expect(await pusher.push(table)).toMatchObject({ kind: "accepted" });
    expect(await (await hello(first)).text()).toBe("hello");
    await until(
      () => copies() > 0,
      () => "the copy is in KV",
    );
  } finally {
    await first.close();
  }
  const second = await startWorkerd({
    secrets: {},
    persist,
    main: workerWhoseAuthority(`throw new Error("away");`),
    log,
  });
  try {
    const response = await hello(second);
    expect([response.status, await response.text()]).toEqual([200, "hello"]);
    await until(
      () => lines.some((line) => line.includes("the table is KV's copy")),
      () => lines.join("\n"),
    );
  } finally {
    await second.close();
  }
});
