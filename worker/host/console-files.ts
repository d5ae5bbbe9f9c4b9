/** The console's files, as they lie beside the edge's own. */
import { readFile } from "node:fs/promises";
import { extname } from "node:path";

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** A file of the console by its name. Undefined: there is none. Deno has the modules that it needs, too. */
export async function consoleAsset(name: string): Promise<Response | undefined> {
  const type = types[extname(name)];
  if (type === undefined || !/^[a-z][a-z.-]*$/.test(name)) return undefined;
  try {
    const bytes = await readFile(new URL(`../console/${name}`, import.meta.url));
    return new Response(new Uint8Array(bytes), { headers: { "content-type": type } });
  } catch {
    return undefined; // there is no such file
  }
}
