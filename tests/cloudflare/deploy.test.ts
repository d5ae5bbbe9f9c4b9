/** wrangler.toml: all that is needed for a deployment is there, short of an account. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "edgeway-deploy-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What `wrangler deploy` would do, without an account. */
async function dryRun(...args: string[]): Promise<string> {
  const wrangler = join(root, "node_modules/wrangler/bin/wrangler.js");
  const command = [wrangler, "deploy", "--dry-run", ...args];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, command, {
    cwd: root,
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_LOG_PATH: folder, NO_COLOR: "1" },
  });
  expect(stderr).not.toMatch(/warning|error/i);
  return stdout;
}

const bindings = ["TABLE_AUTHORITY", "ORIGIN_POOL", "TELEMETRY", "TABLE_FALLBACK", "ASSETS"];

test.each([
  ["production", ["--env", ""]],
  ["staging", ["--env", "staging"]],
])("a dry run of a deployment to %s is clean, and has every binding", async (_, args) => {
  const output = await dryRun(...args);
  for (const name of bindings) expect(output).toContain(`env.${name}`);
  expect(output).not.toMatch(/warning/i);
});

test("what wrangler.toml shows as an example is taken, too", async () => {
  const examples =
    /^# (routes = .*|\[\[[a-z_]+\]\]|(?:binding|tunnel_id|remote|name|namespace_id|simple|dataset) = .*)$/gm;
  const text = readFileSync(join(root, "wrangler.toml"), "utf8").replaceAll(examples, "$1");
  const { writeFileSync, unlinkSync } = await import("node:fs");
  // Its paths are relative to it.
  const file = join(root, `.wrangler-${process.pid}.toml`);
  writeFileSync(file, text);
  try {
    const output = await dryRun("--env", "", "--config", file);
    expect(output).toContain("env.VPC_NETWORK");
    expect(output).toContain("env.EDGEWAY_RATE_LIMIT_100_PER_60_SECONDS");
    expect(output).toContain("env.ANALYTICS");
  } finally {
    unlinkSync(file);
  }
});
