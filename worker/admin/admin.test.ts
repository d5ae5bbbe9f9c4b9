import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { expect, test } from "vitest";
import { SyncService } from "../../proto/gen/edgeway/v1/sync_pb.js";
import { createAdmin } from "./admin.ts";

const push = "http://edge.test/_edgeway/edgeway.v1.SyncService/Push";
const sync = () => Promise.resolve(new Response("taken"));

test("the sync service's calls are handed to it", async () => {
  expect(await (await createAdmin({ sync }).request(push, { method: "POST" })).text()).toBe("taken");
});

test("where nobody can push, an agent is told so, and what to set", async () => {
  const admin = createAdmin({ sync: undefined });
  const fetch = async (url: unknown, init?: RequestInit) => admin.request(String(url), init);
  const agent = createClient(SyncService, createConnectTransport({ baseUrl: "http://edge.test/_edgeway", fetch }));
  await expect(agent.push({})).rejects.toThrow(
    "[failed_precondition] nobody can push to this edge: set EDGEWAY_SYNC_TOKEN or a list of clusters",
  );
});

test("whether the edge lives can be asked without a token", async () => {
  const answer = await createAdmin({ sync }).request("http://edge.test/_edgeway/healthz");
  expect(await answer.text()).toBe("ok\n");
});
