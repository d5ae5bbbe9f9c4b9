import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openSql } from "./node-sql.ts";
import { readClusters } from "./table-clusters.ts";

const directory = mkdtempSync(join(tmpdir(), "edgeway-clusters-"));
afterAll(() => rmSync(directory, { recursive: true }));

const publicKey = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
const cluster = (name: string, ...hostnames: string[]) => ({ name, audience: "edge", hostnames, publicKey });
const east = { name: "east", hostnames: ["*.east.test"] };

test("while the list of clusters is wrong nobody may push, and each is served what the last good list granted it", () => {
  const sql = openSql(join(directory, "table.db"));
  const read = (value: unknown) => readClusters(sql, typeof value === "string" ? value : JSON.stringify(value));
  expect(read("{")).toEqual({ clusters: [], grants: [], wrong: expect.stringContaining("clusters: must be JSON") });
  expect(read([cluster("west", "*"), cluster("east", "a.test")])).toMatchObject({ clusters: { length: 2 } });
  expect(read([cluster("east", "*.east.test")])).toMatchObject({ grants: [east], wrong: undefined });
  expect(read("{")).toEqual({ clusters: [], grants: [east], wrong: expect.stringContaining("clusters: must be JSON") });
  expect(read([cluster("east", "*.east.test", "-")])).toMatchObject({
    clusters: [],
    grants: [east],
    wrong: expect.stringContaining("clusters[0].hostnames[1]: must be"),
  });
  expect(read("[]")).toEqual({ clusters: [], grants: [], wrong: undefined });
  sql.close();
});
