/** What `edgeway forget` does. */
import { Code, ConnectError } from "@connectrpc/connect";
import { connectEdge, type Token } from "../../kube-sync/push.ts";

export interface ForgetOptions {
  /** The edge's URL. */
  readonly edge: string;
  readonly cluster: string;
  readonly token: Token;
}

/**
 * Returns what became of it, in one line.
 *
 * @throws Error in one line if the edge cannot be asked, or refuses
 */
export async function forget({ edge, cluster, token }: ForgetOptions): Promise<string> {
  try {
    await connectEdge(edge, token).forget({ cluster });
    return `${edge} has forgotten ${cluster}`;
  } catch (thrown) {
    const { code, rawMessage } = ConnectError.from(thrown);
    // Of an edge that is older than this command.
    const reason = code === Code.Unimplemented ? "it does not know how" : rawMessage;
    throw new Error(`${edge} does not forget ${cluster}: ${reason}`, { cause: thrown });
  }
}
