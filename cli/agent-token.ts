/** What the edge knows a cluster's agent by: `--token-file`, `--key-file` or the variable EDGEWAY_SYNC_TOKEN. */
import { readFile } from "node:fs/promises";
import type { Token } from "../kube-sync/push.ts";
import { UsageError } from "./usage.ts";

interface Values {
  readonly "token-file"?: string | undefined;
  readonly "key-file"?: string | undefined;
  readonly audience: string;
}

/** @throws UsageError, or an Error in one line if a file cannot be read */
export async function agentToken(values: Values, cluster: string): Promise<Token> {
  const { "token-file": tokenFile, "key-file": keyFile, audience } = values;
  if (tokenFile !== undefined && keyFile !== undefined)
    throw new UsageError("--token-file and --key-file are either or");
  if (tokenFile !== undefined) {
    const read = async () => (await readText(tokenFile)).trim();
    await read();
    return read;
  }
  if (keyFile !== undefined) {
    const { signedTokens } = await import("../kube-sync/signed-token.ts");
    const privateKey = await readText(keyFile);
    try {
      return signedTokens({ cluster, audience, privateKey, now: Date.now });
    } catch (error) {
      throw new Error(`${keyFile} holds no Ed25519 or P-256 private key in PEM`, { cause: error });
    }
  }
  const token = process.env["EDGEWAY_SYNC_TOKEN"];
  if (token) return token;
  throw new UsageError("there is neither --token-file, --key-file nor EDGEWAY_SYNC_TOKEN");
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new Error(`cannot read ${file}`, { cause: error });
  }
}
