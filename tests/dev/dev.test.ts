import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { exampleCommands } from "../../cli/dev/try.ts";
import { type Examples, startExamples } from "../../examples/services/examples.ts";
import { descendants, expectGone, root, run, runDev, type Running, type RunningDev } from "./cli.ts";
import { copyManifests } from "./manifests.ts";

describe("edgeway dev, with the examples' manifests", () => {
  let directory: string;
  let examples: Examples;
  let dev: RunningDev;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "edgeway-dev-"));
    // On free ports, so that tests and `npm start` can run at the same time.
    examples = await startExamples({ basePort: 0 });
    await copyManifests(examples, directory);
    const manifests = ["--manifests", join(directory, "east"), "--manifests", `west=${join(directory, "west")}`];
    dev = await runDev("--no-examples", ...manifests);
  });

  afterAll(async () => {
    dev.process.kill("SIGTERM");
    await dev.exited;
    await examples.close();
    await rm(directory, { recursive: true });
  });

  /** Runs one of the commands that it prints for the examples. */
  async function tryCommand(beginning: string): Promise<string> {
    const command = exampleCommands(dev).find((line) => line.startsWith(beginning));
    const { stdout } = await promisify(execFile)("/bin/sh", ["-c", command!], { cwd: root });
    return stdout;
  }

  test("says that it is ready, before anything else", () => {
    expect(dev.stdout()).toMatch(/^edgeway ready https:\/\/localhost:\d+\n/);
  });

  test("the buf curl command to try greets", async () => {
    expect(JSON.parse(await tryCommand("npx buf curl"))).toEqual({ message: "Hello Ada" });
  });

  test("the curl command to try reaches a plain HTTP service, with the header its route adds", async () => {
    const seen = JSON.parse(await tryCommand("curl"));
    expect(seen).toMatchObject({ cluster: "west", path: "/get", headers: { "x-served-by": ["edgeway"] } });
  });

  test("a malformed object is reported with its file, name and field, and the others are served", async () => {
    const broken = "apiVersion: v1\nkind: Service\nmetadata: { name: odd }\nspec: { ports: none }\n";
    await writeFile(join(directory, "west/odd.yaml"), broken);
    await expect
      .poll(dev.stderr, { timeout: 5000 })
      .toMatch(/^west: odd\.yaml: Service default\/odd spec\.ports: error: /m);
    expect(JSON.parse(await tryCommand("npx buf curl"))).toEqual({ message: "Hello Ada" });
  });
});

describe("edgeway dev leaves no process behind", () => {
  let running: Running | undefined;

  afterEach(() => {
    running?.process.kill("SIGKILL");
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("after %s, and exits with 0", async (signal) => {
    const dev = (running = await runDev("--no-examples"));
    const children = descendants(dev.process.pid!);
    expect(children.map(({ name }) => name)).toContain("workerd");
    dev.process.kill(signal);
    expect(await dev.exited).toBe(0);
    await expectGone(children);
  });

  test("when it is killed outright", async () => {
    const dev = (running = await runDev("--no-examples"));
    const children = descendants(dev.process.pid!);
    dev.process.kill("SIGKILL");
    await dev.exited;
    await expectGone(children);
  });

  test("when its launcher is killed outright", async () => {
    const launcher = (running = run("cli/bootstrap.mjs", "cli/main.ts", ...quiet, "--no-examples"));
    await expect.poll(launcher.stdout, { timeout: 20_000 }).toContain("edgeway ready");
    const children = descendants(launcher.process.pid!);
    expect(children.map(({ name }) => name)).toContain("workerd");
    launcher.process.kill("SIGKILL");
    await expectGone(children);
  });
});

const quiet = ["dev", "--port", "0", "--http-port", "0"];

test("edgeway dev says that there is nothing to serve without examples and manifests", async () => {
  const dev = await runDev("--no-examples");
  dev.process.kill("SIGTERM");
  await dev.exited;
  expect(dev.stderr()).toContain("there is nothing to serve: --manifests DIR names a directory of YAML");
});

describe("edgeway dev fails with one line and exit code 1", () => {
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "edgeway-dev-"));
  });

  afterAll(() => rm(directory, { recursive: true }));

  test("for an option that does not exist", async () => {
    expect(await fail("--prot", "1")).toBe("edgeway dev: Unknown option '--prot'; see edgeway dev --help");
  });

  test("for something that is no port", async () => {
    expect(await fail("--port", "https")).toBe(
      `edgeway dev: --port takes a port number, not "https"; see edgeway dev --help`,
    );
  });

  test("for two directories of one cluster", async () => {
    expect(await fail("--manifests", "east=a", "--manifests", "b/east")).toContain(
      "two --manifests for the cluster east",
    );
  });

  test("for a port that is taken", async () => {
    const taken = createServer().listen(0);
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    expect(await fail("--port", String(port), "--http-port", "0")).toBe(`edgeway dev: port ${port} is taken`);
    taken.close();
  });

  test("for an example's port that is taken, as by another npm start", async () => {
    const taken = createServer().on("error", () => {}); // somebody else may have it already
    taken.listen(50_100, "127.0.0.1");
    await Promise.race([once(taken, "listening"), once(taken, "error")]);
    const failing = run("cli/main.ts", "dev", "--port", "0", "--http-port", "0");
    expect(await failing.exited).toBe(1);
    taken.close();
    expect(failing.stderr()).toMatch(
      /^edgeway dev: the example \S+ cannot listen on \S+: the port is taken; is another npm start running\? --no-examples goes without them\n$/,
    );
  });

  test("for a directory that is missing", async () => {
    const missing = join(directory, "nowhere");
    expect(await fail("--port", "0", "--http-port", "0", "--manifests", missing)).toContain(
      `${missing}: no such directory`,
    );
  });

  test("for a file that is no YAML", async () => {
    await writeFile(join(directory, "broken.yaml"), "kind: [Ingress\nmetadata: {}\n");
    expect(await fail("--port", "0", "--http-port", "0", "--manifests", `east=${directory}`)).toContain("broken.yaml");
  });
});

async function fail(...args: string[]): Promise<string> {
  const failing = run("cli/main.ts", "dev", "--no-examples", ...args);
  expect(await failing.exited).toBe(1);
  expect(failing.stdout()).toBe("");
  const lines = failing.stderr().trimEnd().split("\n");
  expect(lines).toHaveLength(1);
  return lines[0]!;
}
