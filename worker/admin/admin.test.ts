import { expect, test } from "vitest";
import { createAdmin } from "./admin.ts";

const push = "http://edge.test/_edgeway/edgeway.v1.SyncService/Push";
const sync = () => Promise.resolve(new Response("taken"));

test("the sync service's calls are handed to it, and to nobody where nobody can push", async () => {
  const asked = { method: "POST" };
  expect(await (await createAdmin({ sync }).request(push, asked)).text()).toBe("taken");
  expect((await createAdmin({ sync: undefined }).request(push, asked)).status).toBe(404);
});

test("whether the edge lives can be asked without a token", async () => {
  const answer = await createAdmin({ sync }).request("http://edge.test/_edgeway/healthz");
  expect(await answer.text()).toBe("ok\n");
});
