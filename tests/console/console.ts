/** The console in a browser, before `edgeway dev` with the examples and calls that go on. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";
import { startDev } from "../../cli/dev/dev.ts";
import { clusterNames, startExamples } from "../../examples/services/examples.ts";
import { executable } from "../browser/chromium.ts";
import { copyManifests } from "../dev/manifests.ts";
import { root } from "../dev/cli.ts";

export { executable };

export interface ConsoleUnderTest extends AsyncDisposable {
  readonly page: Page;
  /** Of the clear port, "http://localhost:port". */
  readonly origin: string;
  readonly token: string;
  /** The clusters' manifests. */
  readonly directory: string;
  /** The URLs of all requests of the page so far. */
  readonly requests: readonly string[];
  /** What the page complained of: a breach of its policy among others. */
  readonly complaints: string[];
  /** Makes a call as any client does. */
  call(path: string, message?: object, host?: string): Promise<void>;
  /** Keeps what the page looks like in a folder that is not in the repository. */
  look(name: string): Promise<void>;
}

export async function openConsole(): Promise<ConsoleUnderTest> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "edgeway-console-"));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const examples = await startExamples({ basePort: 0 });
  stack.defer(() => examples.close());
  await copyManifests(examples, directory);
  const manifests = clusterNames.map((cluster) => ({ cluster, directory: join(directory, cluster) }));
  const dev = await startDev({ tlsPort: 0, clearPort: 0, examples: false, manifests, log: () => {} });
  stack.defer(() => dev.close());
  const origin = `http://localhost:${dev.clearPort}`;

  const browser = await chromium.launch({ executablePath: executable!, args: ["--no-sandbox", "--disable-gpu"] });
  stack.defer(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 } });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin });
  const page = await context.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  const running = stack.move();
  return {
    page,
    origin,
    token: dev.consoleToken,
    directory,
    requests,
    complaints,
    async call(path, message = {}, host = "https://localhost") {
      const headers = {
        "content-type": "application/json",
        "x-edgeway-explain": dev.consoleToken,
        "x-edgeway-host": host,
      };
      await (await fetch(origin + path, { method: "POST", headers, body: JSON.stringify(message) })).text();
    },
    async look(name) {
      await page.screenshot({ path: join(root, "tests/console/screenshots", `${name}.png`), fullPage: true });
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
