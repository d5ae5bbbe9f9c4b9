import { expect, test } from "vitest";
import type { Backend } from "../routes/model.ts";
import { backendToJson, KnownBackends } from "./backend-json.ts";
import { echo } from "./transport/backend.fixture.ts";

const many: Backend = {
  ...echo,
  circuitBreaker: { maxCalls: 10, maxConnections: Infinity, maxPending: Infinity },
  endpoints: Array.from({ length: 1000 }, (_, i) => ({ host: `10.0.${i >> 8}.${i & 255}`, port: 80 })),
};

test("a backend survives its way, limits that are none among it", () => {
  const limited = { ...many, endpoints: echo.endpoints };
  const json = backendToJson(limited, 0);
  expect(json).toMatch(/^[ -~]*$/);
  expect(new KnownBackends().get(limited.name, json)).toEqual(JSON.parse(JSON.stringify(limited), revive));
});

function revive(key: string, value: unknown): unknown {
  return key.startsWith("max") && value === null ? Infinity : value;
}

test("the text of a backend is made once, and read once while it stays the same", () => {
  expect(backendToJson(echo, 0)).toBe(backendToJson(echo, 0));
  const known = new KnownBackends();
  const first = known.get(echo.name, backendToJson(echo, 0));
  expect(known.get(echo.name, backendToJson(structuredClone(echo), 0))).toBe(first);
  expect(known.get(echo.name, backendToJson({ ...echo, tls: true }, 0))).not.toBe(first);
});

test("of many endpoints each shard knows a part, always the same, and all shards together know all", () => {
  const known = new Set<string>();
  for (let shard = 0; shard < 40; shard++) {
    const { endpoints } = JSON.parse(backendToJson(many, shard)) as Backend;
    expect(endpoints).toHaveLength(200);
    expect(backendToJson(structuredClone(many), shard)).toBe(backendToJson(many, shard));
    for (const { host } of endpoints) known.add(host);
  }
  expect(known.size).toBe(1000);
});
