/** What is wrong with a setting of Edgeway on Deno is said in one line that names it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parsePrometheus } from "../observe/prometheus.ts";
import { startDenoMain } from "./main.ts";

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "edgeway-deno-"));
  const attributes = [{ name: "commonName", value: "localhost" }];
  const [own, other] = await Promise.all(
    [1, 2].map(() => generate(attributes, { keyType: "ec", algorithm: "sha256" })),
  );
  const weak = await generate(attributes, { keySize: 1024, algorithm: "sha256" }); // Deno takes no RSA below 2048
  const files = {
    "weak.crt": weak.cert,
    "weak.key": weak.private,
    "own.crt": own!.cert,
    "own.key": own!.private,
    "other.key": other!.private,
    "empty.pem": "",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  mkdirSync(join(folder, "directory"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function start(chain: string, key: string, env: Readonly<Record<string, string>> = {}) {
  const settings = {
    EDGEWAY_DATABASE: join(folder, "table.db"),
    EDGEWAY_TLS_CERT: join(folder, chain),
    EDGEWAY_TLS_KEY: join(folder, key),
  };
  return startDenoMain({ ...settings, ...env }, []);
}

test.each([
  ["missing.crt", "own.key", "EDGEWAY_TLS_CERT DIR/missing.crt: there is no such file"],
  ["directory", "own.key", "EDGEWAY_TLS_CERT DIR/directory: it is a directory"],
  ["empty.pem", "own.key", "EDGEWAY_TLS_CERT DIR/empty.pem: there is no certificate in it (PEM)"],
  ["own.crt", "missing.key", "EDGEWAY_TLS_KEY DIR/missing.key: there is no such file"],
  ["own.crt", "own.crt", "EDGEWAY_TLS_KEY DIR/own.crt: there is no private key in it (PEM)"],
  [
    "own.crt",
    "other.key",
    "EDGEWAY_TLS_KEY DIR/other.key: it is not the key of the first certificate in EDGEWAY_TLS_CERT DIR/own.crt",
  ],
  ["weak.crt", "weak.key", /^edgeway: the certificate or its key cannot be used: .+$/],
])("with EDGEWAY_TLS_CERT %s and EDGEWAY_TLS_KEY %s it ends with a line that says why", async (chain, key, line) => {
  const starting = start(chain, key);
  const wanted = typeof line === "string" ? new Error(`edgeway: ${line.replaceAll("DIR", folder)}`) : line;
  await expect(starting).rejects.toThrow(wanted);
});

test("with a certificate and its key it serves TLS", async () => {
  const edge = await start("own.crt", "own.key");
  const [answer] = (await once(
    get(edge.url.replace("http:", "https:"), { rejectUnauthorized: false }),
    "response",
  )) as [{ statusCode: number }];
  expect(answer.statusCode).toBe(404);
  expect(await edge.stop()).toBe(0);
});

test("with EDGEWAY_CONSOLE_TOKEN its metrics have the version, and the process's memory, CPU and age", async () => {
  const edge = await startDenoMain(
    { EDGEWAY_DATABASE: join(folder, "metrics.db"), EDGEWAY_CONSOLE_TOKEN: "console" },
    [],
  );
  const headers = { authorization: "Bearer console" };
  const families = parsePrometheus(await (await fetch(`${edge.url}/_edgeway/metrics`, { headers })).text());
  await edge.stop();
  const valueOf = (name: string) => families.get(name)!.samples[0]!.value;
  expect(families.get("edgeway_build_info")!.samples[0]!.labels["version"]).toMatch(/^\d+\.\d+\.\d+/);
  expect(valueOf("process_resident_memory_bytes")).toBeGreaterThan(10_000_000);
  expect(valueOf("process_cpu_seconds_total")).toBeGreaterThan(0.01);
  expect(Math.abs(valueOf("process_start_time_seconds") - Date.now() / 1000)).toBeLessThan(60);
});
