/** The Deno of the package. */
import { fileURLToPath } from "node:url";

export const deno = fileURLToPath(new URL("../../node_modules/.bin/deno", import.meta.url));

/** Of `deno run`: everything is allowed, and npm's packages are those at hand, where deno.json would have them fetched. */
export const denoRun = ["run", "--quiet", "--allow-all", "--node-modules-dir=manual"] as const;
