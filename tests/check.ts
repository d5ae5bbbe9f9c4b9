/** Types, lint and format of the whole repository: npm run check. The layer table is a test, layers.test.ts. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const bin = join(root, "node_modules", ".bin");

const checks: readonly (readonly [name: string, ...command: string[]])[] = [
  ["types", "tsc", "-p", "."],
  ["types of the console", "tsc", "-p", "tests/console"],
  ["lint", "oxlint", "--type-aware", "--deny-warnings"],
  ["format", "prettier", "--check", "--log-level", "warn", "."],
];

let failed = false;
for (const [name, command, ...args] of checks) {
  const { status } = spawnSync(join(bin, command!), args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}` },
  });
  console.log(`${name}: ${status === 0 ? "ok" : "failed"}`);
  failed ||= status !== 0;
}
process.exit(failed ? 1 : 0);
