/** Chromium, if this machine has one, on a page of the tests' own. */
import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { build } from "esbuild";
import { chromium, type Page } from "playwright-core";
import { selfSigned } from "../../cli/dev/front/certificates.ts";
import { root } from "../dev/cli.ts";
import { listen } from "../e2e/peers.ts";
import type { Call, Outcome } from "./calls.ts";

/** Browsers take names below "localhost" for this machine. Cookies go from one to another below the same site. */
export const site = "edgeway.localhost";

/** Where it is. Undefined: nowhere in PATH. */
export const executable = findInPath("chromium");

function findInPath(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

export interface Visitor extends AsyncDisposable {
  readonly page: Page;
  /** The page's, "https://page.edgeway.localhost:port". */
  readonly origin: string;
  /** The URLs of all preflights so far. */
  readonly preflights: readonly string[];
  call(call: Call): Promise<Outcome>;
}

/** Besides those of Playwright, which keep it from calling anybody by itself. */
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic"];

/** A browser on a page that can make calls. */
export async function visit(): Promise<Visitor> {
  await using stack = new AsyncDisposableStack();
  const { origin } = stack.use(await servePage());
  const profile = await mkdtemp(join(tmpdir(), "edgeway-chromium-"));
  stack.defer(() => rm(profile, { recursive: true, force: true }));
  const options = { executablePath: executable!, args: flags, headless: true, ignoreHTTPSErrors: true };
  const context = await chromium.launchPersistentContext(profile, options);
  stack.defer(() => context.close());

  const page = await context.newPage();
  await page.goto(origin);
  await page.evaluate((descriptors) => (globalThis as any).learn(descriptors), descriptorSet().toString("base64"));
  const preflights: string[] = [];
  const devtools = await context.newCDPSession(page);
  await devtools.send("Network.enable");
  devtools.on("Network.requestWillBeSent", ({ request }) => {
    if (request.method === "OPTIONS") preflights.push(request.url);
  });
  const running = stack.move();
  return {
    page,
    origin,
    preflights,
    call: (call) => page.evaluate((asked): Promise<Outcome> => (globalThis as any).call(asked), call),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** The examples' protos, as a google.protobuf.FileDescriptorSet. */
export function descriptorSet(): Buffer {
  const buf = join(root, "node_modules/.bin/buf");
  return execFileSync(buf, ["build", join(root, "examples/proto"), "-o", "-"]);
}

async function servePage(): Promise<AsyncDisposable & { readonly origin: string }> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, "page.ts")],
    bundle: true,
    write: false,
    platform: "browser",
    target: "es2024",
  });
  const script = outputFiles[0]!.text;
  const html = `<!doctype html><title>Edgeway</title><link rel="icon" href="data:,"><script src="/page.js"></script>`;
  const server = createServer(await selfSigned(), ({ url }, response) => {
    const isScript = url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html").end(isScript ? script : html);
  });
  const listening = await listen(server, () => [{ destroy: () => server.closeAllConnections() }]);
  const { port } = server.address() as AddressInfo;
  return { ...listening, origin: `https://page.${site}:${port}` };
}
