/** The options `--edge URL` and `--token-file FILE` of several commands, and what an edge answers. */
import { readFileSync } from "node:fs";
import { unreachable } from "../kube-sync/unreachable.ts";
import { UsageError } from "./usage.ts";

export interface EdgeSource {
  /** "https://edge.example.com", without a slash at its end. */
  readonly url: string;
  readonly token: string;
}

export const edgeHelp = `  --edge URL                   the edge, such as https://edge.example.com
  --token-file FILE            its console's token; else EDGEWAY_CONSOLE_TOKEN has it`;

/** @throws UsageError */
export function edgeSource(url: string, tokenFile: string | undefined): EdgeSource {
  return { url: edgeUrl(url), token: readToken(tokenFile) };
}

/**
 * The value of `--edge`, without a slash at its end.
 * @throws UsageError
 */
export function edgeUrl(url: string): string {
  if (!/^https?:\/\/[^/?#]+\/?$/.test(url)) throw new UsageError(`--edge takes a URL without a path, not ${url}`);
  return url.replace(/\/$/, "");
}

function readToken(file: string | undefined): string {
  const given = file === undefined ? process.env["EDGEWAY_CONSOLE_TOKEN"] : readFile(file);
  const token = given?.trim() ?? "";
  if (token === "") throw new UsageError("the edge wants a token: --token-file, or EDGEWAY_CONSOLE_TOKEN");
  return token;
}

function readFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`--token-file: ${(error as Error).message}`);
  }
}

/**
 * What is below /_edgeway/ of the edge, as JSON.
 *
 * @param member that the answer has, if it is an edge's
 * @param body sent as JSON
 * @throws Error in one line if the edge cannot be asked, or does not tell
 */
export async function askEdge<T extends object>(
  { url, token }: EdgeSource,
  path: string,
  member: keyof T & string,
  body?: unknown,
): Promise<T> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  let response: Response;
  try {
    const init = body === undefined ? { headers } : { headers, method: "POST", body: JSON.stringify(body) };
    response = await fetch(`${url}/_edgeway/${path}`, { ...init, redirect: "error" });
  } catch (error) {
    throw new Error(`${url} cannot be reached: ${reasonOf(error)}`, { cause: error });
  }
  if (response.status === 401) throw new Error(`${url} does not take this token`);
  if (response.status === 404)
    throw new Error(
      `${url} has no console: it needs EDGEWAY_CONSOLE_TOKEN, or has its console at another address (serve --admin)`,
    );
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
  const answer: unknown = await response.json().catch(() => undefined);
  if (typeof answer !== "object" || answer === null || !(member in answer))
    throw new Error(`${url} does not answer as an edge does`);
  return answer as T;
}

/** fetch hides what happened in the cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  const why = unreachable(cause);
  if (why !== undefined) return why;
  return cause instanceof Error && cause.message !== "" ? cause.message : message;
}
