import { expect, test } from "vitest";
import { createAdmin } from "./admin.ts";

const push = "http://edge.test/_edgeway/edgeway.v1.SyncService/Push";
const sync = () => Promise.resolve(new Response("taken"));

async function statusOf(syncToken: string | undefined, authorization: string | undefined): Promise<number> {
  const headers = authorization === undefined ? {} : { authorization };
  return (await createAdmin({ syncToken, sync }).request(push, { method: "POST", headers })).status;
}

test("the sync service is called with the token, and without it is 401", async () => {
  expect(await statusOf("secret", "Bearer secret")).toBe(200);
  expect(await statusOf("secret", undefined)).toBe(401);
  expect(await statusOf("secret", "Bearer Secret")).toBe(401);
  expect(await statusOf("secret", "Bearer secret2")).toBe(401);
});

test.each([undefined, ""])("where the token is %j nobody can push", async (token) => {
  expect(await statusOf(token, undefined)).toBe(404);
  expect(await statusOf(token, "Bearer ")).toBe(404);
  expect(await statusOf(token, "Bearer undefined")).toBe(404);
});

test("whether the edge lives can be asked without a token", async () => {
  const answer = await createAdmin({ syncToken: "secret", sync }).request("http://edge.test/_edgeway/healthz");
  expect(await answer.text()).toBe("ok\n");
});
