/** `edgeway serve`: the edge as a Node process, with its table on disk, its workers and its certificates. */
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer, request, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { generate } from "selfsigned";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OriginProtocol } from "../../proto/gen/edgeway/v1/table_pb.js";
import { descendants, expectGone, isRunning, run } from "../dev/cli.ts";
import { until } from "../e2e/until.ts";
import { parsePrometheus } from "../observe/prometheus.ts";
import { type RunningServe, runServe, token, workersOf } from "./serve.ts";

let origin: Server;
/** How the origin answers. */
let respond: () => Promise<string> = () => Promise.resolve("ok");

beforeAll(async () => {
  origin = createServer((_, response) => void respond().then((text) => response.end(text)));
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
});
afterAll(() => {
  origin.closeAllConnections();
  origin.close();
});

const source = { kind: "HTTPRoute", namespace: "default", name: "shop" };

function tableOf(hostname: string) {
  const { port } = origin.address() as AddressInfo;
  return {
    cluster: "test",
    routes: [
      {
        key: "shop",
        source,
        hostnames: [hostname],
        rules: [{ backends: [{ target: { case: "backend", value: "b" } as const, weight: 1 }] }],
      },
    ],
    backends: [{ key: "b", source, protocol: OriginProtocol.HTTP1, endpoints: [{ host: "127.0.0.1", port }] }],
  };
}

interface Got {
  readonly status: number;
  readonly text: string;
}

async function get(port: number, host: string, path = "/", headers: object = {}): Promise<Got> {
  const outgoing = request({ host: "127.0.0.1", port, path, headers: { host, ...headers }, agent: false }).end();
  const [incoming] = await once(outgoing, "response");
  let text = "";
  for await (const chunk of incoming) text += String(chunk);
  return { status: incoming.statusCode as number, text };
}

/** A call that the origin answers with "at last" when it is told to. Resolves once the origin has it. */
async function slowCall(port: number): Promise<{ readonly got: Promise<Got>; release(): void }> {
  const asked = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<string>();
  respond = () => {
    asked.resolve();
    return answered.promise;
  };
  const got = get(port, "shop.test");
  await asked.promise;
  respond = () => Promise.resolve("ok");
  return { got, release: () => answered.resolve("at last") };
}

async function pairFor(name: string, days = 365) {
  const notAfterDate = new Date(Date.now() + days * 86_400_000);
  const options = { keyType: "ec", algorithm: "sha256", notBeforeDate: new Date("2020-01-01"), notAfterDate } as const;
  const made = await generate([{ name: "commonName", value: name }], options);
  return { chain: made.cert, privateKey: made.private };
}

async function servedName(port: number, servername: string): Promise<string> {
  const socket = connectTls({ host: "127.0.0.1", port, servername, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

/** A certificate and its key in files, and the options that name them. */
async function certificateFiles(name: string, ownDays?: number) {
  const directory = await mkdtemp(join(tmpdir(), "edgeway-certificate-"));
  const [cert, key] = [join(directory, "tls.crt"), join(directory, "tls.key")];
  const write = async (subject: string, days?: number): Promise<void> => {
    const { chain, privateKey } = await pairFor(subject, days);
    await Promise.all([writeFile(cert, chain), writeFile(key, privateKey)]);
  };
  await write(name, ownDays);
  return {
    cert,
    key,
    args: ["--https", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key],
    write,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}

test("a table that was pushed is served at once after a restart, without an agent", async () => {
  await using first = await runServe();
  expect((await get(first.ports[0]!, "shop.test")).status).toBe(404);
  await first.push(tableOf("shop.test"));
  expect(await get(first.ports[0]!, "shop.test")).toEqual({ status: 200, text: "ok" });
  expect(await first.stop()).toBe(0);
  await using second = await runServe([], first.data);
  expect(await get(second.ports[0]!, "shop.test")).toEqual({ status: 200, text: "ok" });
});

test.each([
  ["not a database", 0],
  ["malformed in its middle", 5000],
])("a database that is %s is put aside, and what is pushed again is served", async (_, from) => {
  await using first = await runServe();
  await first.push(tableOf("shop.test"));
  await first.stop();
  const file = join(first.data, "table.db");
  const bytes = await readFile(file);
  await writeFile(file, Buffer.concat([bytes.subarray(0, from), Buffer.alloc(bytes.length - from, "x")]));
  await using second = await runServe(["--workers", "1"], first.data);
  const [, aside] = /table\.db is damaged: it is now (\S+); the table begins empty/.exec(second.stderr()) ?? [];
  expect((await stat(aside!)).mode & 0o777).toBe(0o600);
  expect((await get(second.ports[0]!, "shop.test")).status).toBe(404);
  await second.push(tableOf("shop.test"));
  await until(
    async () => (await get(second.ports[0]!, "shop.test")).status === 200,
    () => second.stderr(),
  );
});

test("data that another process has is refused in one line, until that one drains or dies", async () => {
  await using first = await runServe(["--workers", "1"]);
  await first.push(tableOf("shop.test"));
  await expect(runServe([], first.data)).rejects.toThrow(
    `edgeway serve: ${first.data} is in use by another edgeway serve\n`,
  );
  const slow = await slowCall(first.ports[0]!);
  first.process.kill("SIGTERM");
  await until(
    () => first.stderr().includes("draining"),
    () => first.stderr(),
  );
  await using second = await runServe([], first.data);
  expect(await get(second.ports[0]!, "shop.test")).toEqual({ status: 200, text: "ok" });
  slow.release();
  expect(await slow.got).toEqual({ status: 200, text: "at last" });
  const died = once(second.process, "exit");
  second.process.kill("SIGKILL");
  await died;
  await using third = await runServe([], first.data);
  expect(await get(third.ports[0]!, "shop.test")).toEqual({ status: 200, text: "ok" });
});

test("every worker has each table that is pushed, whichever of them takes the push", async () => {
  await using serve = await runServe(["--workers", "3"]);
  expect(workersOf(serve)).toHaveLength(3);
  await serve.push(tableOf("shop.test"));
  const all = async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => get(serve.ports[0]!, "shop.test")));
    return answers.every(({ status }) => status === 200);
  };
  await until(all, () => "every worker has the table");
});

test("a worker that dies is replaced", async () => {
  await using serve = await runServe(["--workers", "1"]);
  await serve.push(tableOf("shop.test"));
  const [pid] = workersOf(serve);
  process.kill(pid!, "SIGKILL");
  const healthy = () =>
    get(serve.ports[0]!, "shop.test")
      .then(({ status }) => status === 200)
      .catch(() => false);
  await until(
    async () => workersOf(serve).some((each) => each !== pid) && (await healthy()),
    () => serve.stderr(),
  );
  expect(serve.stderr()).toContain(`worker ${pid} ended (SIGKILL)`);
});

test("SIGHUP puts new workers in the place of the old, and a call under way ends well", async () => {
  await using serve = await runServe(["--workers", "1"]);
  await serve.push(tableOf("shop.test"));
  const slow = await slowCall(serve.ports[0]!);
  const [old] = workersOf(serve);
  serve.process.kill("SIGHUP");
  await until(
    () => workersOf(serve).some((pid) => pid !== old),
    () => serve.stderr(),
  );
  slow.release();
  expect(await slow.got).toEqual({ status: 200, text: "at last" });
  await until(
    () => !workersOf(serve).includes(old!),
    () => serve.stderr(),
  );
  expect((await get(serve.ports[0]!, "shop.test")).status).toBe(200);
});

test("workers that die while new ones take their place end neither the edge nor the reload", async () => {
  await using serve = await runServe(["--workers", "2"]);
  await serve.push(tableOf("shop.test"));
  const olds = workersOf(serve);
  const [first] = olds;
  serve.process.kill("SIGHUP");
  await until(
    () => workersOf(serve).length > 2,
    () => serve.stderr(),
  );
  process.kill(first!, "SIGKILL");
  await until(
    () => serve.stderr().includes("reloaded") && workersOf(serve).length === 2,
    () => serve.stderr(),
  );
  expect(workersOf(serve).filter((pid) => olds.includes(pid))).toEqual([]);
  const before = workersOf(serve);
  serve.process.kill("SIGHUP");
  await until(
    () => workersOf(serve).length > 2,
    () => serve.stderr(),
  );
  process.kill(
    workersOf(serve).find((pid) => !before.includes(pid))!,
    "SIGKILL",
  );
  await until(
    () => serve.stderr().includes("a new worker cannot start, the old one stays") && workersOf(serve).length === 2,
    () => serve.stderr(),
  );
  expect((await get(serve.ports[0]!, "shop.test")).status).toBe(200);
  expect(await serve.stop()).toBe(0);
});

test("calls under way end well when the first process dies, and the workers go after them", async () => {
  await using serve = await runServe(["--workers", "2"]);
  await serve.push(tableOf("shop.test"));
  const slow = await slowCall(serve.ports[0]!);
  const workers = descendants(serve.process.pid!);
  const died = once(serve.process, "exit");
  serve.process.kill("SIGKILL");
  await died;
  // The worker that has no call is gone, so both have noticed.
  await until(
    () => workers.filter(({ pid }) => isRunning(pid)).length === 1,
    () => serve.stderr(),
  );
  slow.release();
  expect(await slow.got).toEqual({ status: 200, text: "at last" });
  await expectGone(workers);
});

test("new workers wait for no call of the old ones", async () => {
  await using serve = await runServe(["--workers", "2"]);
  await serve.push(tableOf("shop.test"));
  const olds = workersOf(serve);
  // Connections go to the workers in turn.
  const slow = [await slowCall(serve.ports[0]!), await slowCall(serve.ports[0]!)];
  serve.process.kill("SIGHUP");
  await until(
    () => serve.stderr().includes("reloaded"),
    () => serve.stderr(),
  );
  expect(workersOf(serve)).toEqual(expect.arrayContaining([...olds]));
  expect(workersOf(serve)).toHaveLength(4);
  for (const each of slow) each.release();
  const answers = await Promise.all(slow.map(({ got }) => got));
  expect(answers.map(({ text }) => text)).toEqual(["at last", "at last"]);
  await until(
    () => workersOf(serve).length === 2,
    () => serve.stderr(),
  );
});

test("SIGHUP has workers read certificate files again even if no new ones can start", async () => {
  await using files = await certificateFiles("old.test");
  await using serve = await runServe([...files.args, "--workers", "2"]);
  await files.write("renewed.test");
  await rename(join(serve.data, "table.db"), join(serve.data, "away.db"));
  await mkdir(join(serve.data, "table.db"));
  serve.process.kill("SIGHUP");
  await until(
    () => serve.stderr().includes("reloaded"),
    () => serve.stderr(),
  );
  expect(serve.stderr().match(/cannot start, the old one stays/g)).toHaveLength(2);
  const names = [await servedName(serve.ports[0]!, "x.test"), await servedName(serve.ports[0]!, "x.test")];
  expect(names).toEqual(["renewed.test", "renewed.test"]);
});

test("SIGTERM during a reload lets calls of the workers that go end, too", async () => {
  await using serve = await runServe(["--workers", "1"]);
  await serve.push(tableOf("shop.test"));
  const [old] = workersOf(serve);
  const slow = await slowCall(serve.ports[0]!);
  serve.process.kill("SIGHUP");
  await until(
    () => serve.stderr().includes("reloaded"),
    () => serve.stderr(),
  );
  serve.process.kill("SIGTERM");
  // The new one has no call.
  await until(
    () => workersOf(serve).length === 1,
    () => serve.stderr(),
  );
  expect(workersOf(serve)).toEqual([old]);
  slow.release();
  expect(await slow.got).toEqual({ status: 200, text: "at last" });
  expect(await serve.exited).toBe(0);
});

test("SIGTERM lets calls under way end, and cuts those that take longer than they may", async () => {
  await using serve = await runServe(["--drain-seconds", "1"]);
  await serve.push(tableOf("shop.test"));
  const asked = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const release = Promise.withResolvers<string>();
  const answers = [release.promise, new Promise<string>(() => {})];
  respond = () => {
    asked.shift()?.resolve();
    return answers.shift()!;
  };
  const [quick, endless] = [asked[0]!.promise, asked[1]!.promise];
  const first = get(serve.ports[0]!, "shop.test");
  await quick;
  const second = get(serve.ports[0]!, "shop.test").catch((error: Error) => error);
  await endless;
  respond = () => Promise.resolve("ok");
  serve.process.kill("SIGTERM");
  await until(
    () => serve.stderr().includes("draining"),
    () => serve.stderr(),
  );
  release.resolve("at last");
  expect(await first).toEqual({ status: 200, text: "at last" });
  expect(await second).toBeInstanceOf(Error);
  expect(await serve.exited).toBe(0);
});

/** The workers that still run when the first process ends: systemd's KillMode=mixed kills those, and so their calls. */
async function leftBehind(serve: RunningServe, workers: readonly number[]): Promise<readonly number[]> {
  const [left] = await Promise.all([
    new Promise<readonly number[]>((resolve) => {
      serve.process.once("exit", () => resolve(workers.filter(isRunning)));
    }),
    serve.exited,
  ]);
  return left;
}

test("after SIGTERM the first process goes last, after workers of before a reload too", async () => {
  await using serve = await runServe(["--workers", "2"]);
  await serve.push(tableOf("shop.test"));
  const olds = workersOf(serve);
  const slow = [await slowCall(serve.ports[0]!)];
  serve.process.kill("SIGHUP");
  await until(
    () => serve.stderr().includes("reloaded"),
    () => serve.stderr(),
  );
  slow.push(await slowCall(serve.ports[0]!));
  const left = leftBehind(serve, [...olds, ...workersOf(serve)]);
  serve.process.kill("SIGTERM");
  // One of before and one of after: the others have no call.
  await until(
    () => workersOf(serve).length === 2,
    () => serve.stderr(),
  );
  for (const each of slow) {
    each.release();
    // oxlint-disable-next-line no-await-in-loop -- one worker goes after the other
    expect(await each.got).toEqual({ status: 200, text: "at last" });
  }
  expect(await left).toEqual([]);
  expect(await serve.exited).toBe(0);
});

test("after SIGTERM the first process goes last, after workers whose calls are cut too", async () => {
  await using serve = await runServe(["--workers", "2", "--drain-seconds", "1"]);
  await serve.push(tableOf("shop.test"));
  const cut = (await slowCall(serve.ports[0]!)).got.catch((error: Error) => error);
  const left = leftBehind(serve, workersOf(serve));
  serve.process.kill("SIGTERM");
  expect(await cut).toBeInstanceOf(Error);
  expect(await left).toEqual([]);
  expect(await serve.exited).toBe(0);
});

test.each([["one process", []] as const, ["workers", ["--workers", "2"]] as const])(
  "a second SIGTERM ends %s at once",
  async (_, args) => {
    await using serve = await runServe(args);
    await serve.push(tableOf("shop.test"));
    const started = descendants(serve.process.pid!);
    const slow = await slowCall(serve.ports[0]!);
    const cut = slow.got.catch((error: Error) => error);
    serve.process.kill("SIGTERM");
    await until(
      () => serve.stderr().includes("draining"),
      () => serve.stderr(),
    );
    serve.process.kill("SIGTERM");
    const began = performance.now();
    expect(await serve.exited).toBe(0);
    expect(performance.now() - began).toBeLessThan(10_000); // of the 30 s that calls have
    expect(await cut).toBeInstanceOf(Error);
    await expectGone(started);
  },
);

test("with --admin, pushes and health have an address of their own, and calls no way to it", async () => {
  await using serve = await runServe(["--admin", "127.0.0.1:0"]);
  const [calls, admin] = serve.ports;
  await serve.push(tableOf("shop.test"));
  expect(await get(admin!, "edge", "/_edgeway/healthz")).toEqual({ status: 200, text: "ok\n" });
  expect((await get(calls!, "edge", "/_edgeway/healthz")).status).toBe(404);
  expect((await get(calls!, "shop.test")).status).toBe(200);
});

test("certificates come with the table, by name, and from files for other names; both change at run time", async () => {
  await using files = await certificateFiles("files.test");
  await using tls = await runServe([...files.args, "--admin", "127.0.0.1:0"]);
  const [port] = tls.ports;
  expect(await servedName(port!, "shop.test")).toBe("files.test");
  const certificates = [{ key: "shop", source, hostnames: ["shop.test"], ...(await pairFor("table.test")) }];
  await tls.push({ ...tableOf("shop.test"), certificates });
  expect(await servedName(port!, "shop.test")).toBe("table.test");
  await files.write("renewed.test");
  tls.process.kill("SIGHUP");
  await until(
    async () => (await servedName(port!, "x.test")) === "renewed.test",
    () => tls.stderr(),
  );
  expect(await servedName(port!, "shop.test")).toBe("table.test");
});

test("a TLS listener without any certificate is said at start, and no more once one was pushed", async () => {
  const line = "no certificate yet: TLS callers are refused until an agent pushes one";
  await using first = await runServe(["--http", "127.0.0.1:0", "--https", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
  await until(
    () => first.stderr().includes(line),
    () => first.stderr(),
  );
  await first.push({ cluster: "test", certificates: [{ key: "shop", source, ...(await pairFor("shop.test")) }] });
  await first.stop();
  await using second = await runServe(["--https", "127.0.0.1:0"], first.data);
  await second.stop();
  await using files = await certificateFiles("files.test");
  await using third = await runServe(files.args);
  await third.stop();
  expect(second.stderr() + third.stderr()).not.toContain(line);
});

/** Serves with a console, and reads its metrics. */
async function runScraped(args: readonly string[]) {
  process.env["EDGEWAY_CONSOLE_TOKEN"] = "console";
  const serve = await runServe([...args, "--admin", "127.0.0.1:0"]);
  delete process.env["EDGEWAY_CONSOLE_TOKEN"];
  const scrape = async (name: string) => {
    const { text } = await get(serve.ports.at(-1)!, "edge", "/_edgeway/metrics", { authorization: "Bearer console" });
    return Object.fromEntries(
      parsePrometheus(text)
        .get(name)!
        .samples.map(({ labels, value }) => [Object.values(labels)[0], value]),
    );
  };
  return { serve, scrape };
}

test.each([["one process", []] as const, ["workers", ["--workers", "2"]] as const])(
  "certificates that end soon are said once at start and at each reload, and metrics have when they do, %s",
  async (_, workers) => {
    await using files = await certificateFiles("files.test", 3);
    const { serve, scrape } = await runScraped([...files.args, ...workers]);
    await using own = serve;
    const said = () =>
      own
        .stderr()
        .match(/^edgeway: the certificate .*$/gm)
        ?.map((line) => line.replace(/at \S+/, "at …"));
    const lines = [
      `edgeway: the certificate of --tls-cert ${files.cert} ends at … within 3 days: it has to be renewed`,
      "edgeway: the certificate for old.test expired at … callers that check it are refused by it",
    ];
    await own.push({
      ...tableOf("shop.test"),
      certificates: [{ key: "old", source, hostnames: ["old.test"], ...(await pairFor("old.test", -1)) }],
    });
    await until(
      () => said()?.length === 2,
      () => own.stderr(),
    );
    expect(said()).toEqual(lines);
    own.process.kill("SIGHUP");
    await until(
      () => own.stderr().includes("reloaded"),
      () => own.stderr(),
    );
    expect(said()).toEqual([...lines, ...lines]);
    const ends = await scrape("edgeway_certificate_not_after_seconds");
    expect(Object.keys(ends)).toEqual(["old.test", ""]);
    expect(ends[""]! - Date.now() / 1000).toBeCloseTo(3 * 86_400, -3);
  },
  30_000,
);

test.each([["one process", []] as const, ["workers", ["--workers", "2"]] as const])(
  "handshakes of callers that fail are counted by why, %s",
  async (_, workers) => {
    const { serve, scrape } = await runScraped(["--https", "127.0.0.1:0", ...workers]);
    await using own = serve;
    const [port] = own.ports;
    await expect(servedName(port!, "none.test")).rejects.toThrow(/handshake failure/);
    const plain = connect(port!, "127.0.0.1").on("error", () => {});
    plain.end("GET / HTTP/1.1\r\n\r\n");
    await once(plain.resume(), "close");
    await expect
      .poll(() => scrape("edgeway_tls_handshake_failures_total"), { timeout: 10_000 })
      .toMatchObject({ no_certificate: 1, not_tls: 1, other: 0 });
  },
  30_000,
);

test("with --proxy-protocol, connections without a header are closed and logged, seldom; those that say nothing are not", async () => {
  await using serve = await runServe(["--http", "127.0.0.1:0", "--proxy-protocol", "--admin", "127.0.0.1:0"]);
  const open = async (bytes: string): Promise<void> => {
    const socket = connect(serve.ports[0]!, "127.0.0.1");
    const closed = once(socket, "close");
    socket.resume();
    socket.end(bytes);
    await closed;
  };
  await open("");
  for (let i = 0; i < 5; i++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await open("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
  }
  await serve.stop();
  expect(serve.stderr().match(/^.*PROXY.*$/gm)).toEqual([
    "edgeway: closed a connection of 127.0.0.1: the connection does not begin with a PROXY protocol header",
  ]);
});

test("private keys are in the database alone, which others cannot read", async () => {
  await using serve = await runServe();
  const { privateKey, chain } = await pairFor("shop.test");
  await serve.push({ ...tableOf("shop.test"), certificates: [{ key: "shop", source, chain, privateKey }] });
  const got = await get(serve.ports[0]!, "edge", "/_edgeway/edgeway.v1.SyncService/Get?encoding=json&message={}", {
    authorization: `Bearer ${token}`,
  });
  expect(got.text).not.toContain("PRIVATE KEY");
  expect(serve.stdout() + serve.stderr()).not.toContain("PRIVATE KEY");
  const modes = await Promise.all(["table.db", "table.db-wal"].map((file) => stat(join(serve.data, file))));
  expect(modes.map(({ mode }) => mode & 0o077)).toEqual([0, 0]);
});

test.each([
  [["--http", "nowhere"], "--http takes [HOST]:PORT"],
  [["--tls-cert", "a.pem"], "--tls-cert and --tls-key go together"],
  [["--workers", "some"], "--workers takes a whole number"],
  [["--clusters", "/nowhere.json"], "edgeway serve: --clusters /nowhere.json: there is no such file"],
  [["--clusters", "wrangler.toml"], "edgeway serve: --clusters wrangler.toml: clusters: must be JSON: "],
  [["--data", "/dev/null"], "edgeway serve: --data /dev/null: it is no directory"],
  [["--data", "/dev/null/x"], "edgeway serve: --data /dev/null/x: there is a file where a directory would be"],
])("%j is answered in one line", async (args, line) => {
  const { exited, stderr } = run("cli/main.ts", "serve", ...args);
  expect(await exited).toBe(1);
  expect(stderr()).toContain(line);
  expect(stderr().trim().split("\n")).toHaveLength(1);
});

test("a port that is taken is said in one line, with workers too, and nothing is left running", async () => {
  await using serve = await runServe();
  for (const workers of [[], ["--workers", "2"]]) {
    // oxlint-disable-next-line no-await-in-loop
    await expect(runServe(["--http", `127.0.0.1:${serve.ports[0]}`, ...workers])).rejects.toThrow(
      `port ${serve.ports[0]} is taken`,
    );
  }
});
