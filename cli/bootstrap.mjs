// Runs a script of this package with the package's own Node (24), and installs the package's dependencies first where
// they are missing or out of date: node cli/bootstrap.mjs SCRIPT [ARGUMENT...]
// Plain JavaScript, as it has to run on Node 20 and before anything is installed.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
// npm writes this file when it has installed everything.
const installed = join(root, "node_modules", ".package-lock.json");
const wanted = join(root, "package-lock.json");

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(wanted).mtimeMs) install();
run(process.argv.slice(2));

function install() {
  console.error("edgeway: installing dependencies (npm ci), once");
  // Nothing on stdout: it belongs to the script.
  const npm = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
    shell: process.platform === "win32",
  });
  if (npm.status !== 0) {
    console.error(`edgeway: npm ci failed${npm.error ? `: ${npm.error.message}` : ""}`);
    process.exit(1);
  }
}

/** @param {string[]} command a script, relative to the package, and its arguments */
function run([script, ...args]) {
  const node = join(root, "node_modules", ".bin", "node");
  const child = spawn(node, [resolve(root, script), ...args], {
    stdio: "inherit",
    // So that the script can tell when it is left alone.
    env: { ...process.env, EDGEWAY_LAUNCHER: String(process.pid) },
  });
  const pass = (signal) => child.kill(signal);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, pass);
  // npm runs scripts in a shell, which does not pass signals on: when it dies, the script is to stop.
  const shell = process.ppid;
  const watch = setInterval(() => process.ppid === shell || pass("SIGTERM"), 500).unref();
  if (!process.env.npm_lifecycle_event) clearInterval(watch);
  child.on("error", (error) => {
    console.error(`edgeway: cannot run ${node}: ${error.message}`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    for (const each of signals) process.off(each, pass);
    if (signal) process.kill(process.pid, signal);
    else process.exitCode = code ?? 1;
  });
}
