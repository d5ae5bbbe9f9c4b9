/** Descriptors that the table's authority keeps, with the code that reads them: loaded for the first call that needs it. */
import type { DurableObjectNamespace } from "@cloudflare/workers-types";
import type { DescriptorCache } from "../transcode/cache.ts";
import type { Descriptors } from "../transcode/index.ts";
import { within } from "../call/within.ts";
import { clock } from "./cloudflare-clock.ts";
import { askTwice } from "./cloudflare-stub.ts";
import { tableAuthority } from "./table-authority.ts";

/** Milliseconds that a call waits for them. */
const readMs = 2_000;

export class LazyDescriptors {
  readonly #namespace: DurableObjectNamespace;
  #cache: DescriptorCache | undefined;

  constructor(namespace: DurableObjectNamespace) {
    this.#namespace = namespace;
  }

  /** Those with this hash. Undefined if there are none. Rejects if the authority cannot be asked, or does not answer. */
  async load(hash: string): Promise<Descriptors | undefined> {
    const { DescriptorCache: Cache } = await import("../transcode/cache.ts");
    this.#cache ??= new Cache();
    const read = (wanted: string) => askTwice(() => tableAuthority(this.#namespace).descriptorSet(wanted));
    // On Workers, what another request waits for may never come.
    return within(readMs, this.#cache.load(hash, read), clock);
  }
}
