import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { FilterSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { compile } from "../../routes/compile.ts";
import { part, prefix, route, to } from "../../routes/table.fixture.ts";
import { Traffic } from "../observe/traffic.ts";
import { Descriptors } from "../transcode/descriptors.ts";
import { createAdmin } from "./admin.ts";
import { createConsole } from "./console.ts";
import { servicesOf } from "./console-services.ts";

const token = "a-token";
const table = compile(
  [
    part(
      "east",
      route("r", { hostnames: ["a.test"], rules: [{ matches: [prefix("/a")], backends: to({ a: 3, b: 1 }) }] }),
    ),
  ],
  4n,
);

function ask(
  path: string,
  init: { readonly method?: string; readonly body?: string } = {},
  shown = token,
): Promise<Response> {
  const app = createConsole({
    token,
    table: () => table,
    authority: () => ({ clusters: [], withheld: [], pushes: { counts: { accepted: 0, refused: {} }, recent: [] } }),
    traffic: (since) => new Traffic(() => 0).view(since),
    descriptors: () => undefined,
    asset: async (name) =>
      name === "index.html" ? new Response("<title>", { headers: { "content-type": "text/html" } }) : undefined,
    now: () => 7,
  });
  const headers = { authorization: `Bearer ${shown}` };
  return Promise.resolve(
    createAdmin({ sync: undefined, console: app }).request(`http://edge/_edgeway${path}`, { ...init, headers }),
  );
}

test("the page has a policy that lets it ask the edge alone", async () => {
  const response = await ask("/", {}, "none");
  expect([response.status, await response.text()]).toEqual([200, "<title>"]);
  const policy = response.headers.get("content-security-policy");
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("connect-src 'self'");
  expect(policy).not.toContain("unsafe");
  expect((await ask("/other.html")).status).toBe(404);
});

test.each(["/api/overview", "/api/routes", "/api/traffic", "/api/services", "/explain", "/metrics"])(
  "%s is for those who have the token",
  async (path) => {
    expect((await ask(path, {}, "wrong")).status).toBe(401);
    expect((await ask(path, {}, "")).status).toBeGreaterThanOrEqual(400);
  },
);

test("routes have their shares and the object that they came from", async () => {
  const { revision, rows } = (await (await ask("/api/routes")).json()) as any;
  expect(revision).toBe("4");
  expect(rows).toMatchObject([
    { route: "east/HTTPRoute/default/r/0", hostname: "a.test", backends: [{ share: 0.75 }, { share: 0.25 }] },
  ]);
});

test("a request is explained, by GET and by POST", async () => {
  const get = await (await ask("/explain?url=https://a.test/a/b%3Fq&header=x:%201")).json();
  const post = await (
    await ask("/explain", {
      method: "POST",
      body: JSON.stringify({ url: "https://a.test/a/b?q", headers: [["x", "1"]] }),
    })
  ).json();
  expect(get).toEqual(post);
  expect(get).toMatchObject({ request: { method: "GET", path: "/a/b?q" }, revision: "4", winner: { name: "r" } });
});

test("a request is explained by the path that it is matched by", async () => {
  const explained = await (await ask("/explain?url=https://a.test/x/..%252f%2561/b")).json();
  expect(explained).toMatchObject({ request: { path: "/x/..%2Fa/b" }, winner: null });
  const winner = await (await ask("/explain?url=https://a.test/x/../%2561/b")).json();
  expect(winner).toMatchObject({ request: { path: "/a/b" }, winner: { name: "r" } });
});

test.each([
  ["{", "JSON"],
  ["null", "url is to be"],
  ['{"url":"a"}', "url is to be"],
  ['{"url":"http://a","headers":{"a":"b"}}', "headers are to be"],
  ['{"url":"http://a","headers":[["a",1]]}', "headers are to be"],
])("a question that is none is refused: %s", async (body, error) => {
  const response = await ask("/explain", { method: "POST", body });
  expect(response.status).toBe(400);
  expect(((await response.json()) as { error: string }).error).toContain(error);
});

test("services are described, recursive messages once, and well-known types by their JSON", () => {
  const file = FilterSchema.file;
  const files = [...file.dependencies.flatMap((each) => [...each.dependencies, each]), file].map(({ proto }) => proto);
  const service = {
    name: "s.proto",
    package: "a",
    syntax: "proto3",
    dependency: [`${file.name}.proto`],
    service: [
      { name: "S", method: [{ name: "M", inputType: ".edgeway.v1.Filter", outputType: ".edgeway.v1.Filter" }] },
    ],
  };
  const unique = [...new Map(files.map((each) => [each.name, each])).values()];
  const bytes = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...unique, service] }));
  const { services, messages } = servicesOf([Descriptors.read(bytes), Descriptors.read(bytes)]);
  expect(services).toEqual([
    { name: "a.S", methods: [{ name: "M", kind: "unary", input: "edgeway.v1.Filter", output: "edgeway.v1.Filter" }] },
  ]);
  expect(messages["edgeway.v1.Filter"]).toContainEqual({
    name: "cors",
    shape: "one",
    type: "edgeway.v1.Cors",
    kind: "message",
    oneof: "filter",
  });
  expect(messages["edgeway.v1.Cors"]).toContainEqual(expect.objectContaining({ name: "allowOrigins", shape: "list" }));
});
