/** Descriptors that the table's authority keeps, with the code that reads them: loaded for the first call that needs it. */
import type { DurableObjectNamespace } from "@cloudflare/workers-types";
import type { DescriptorCache } from "../transcode/cache.ts";
import type { Descriptors } from "../transcode/index.ts";
import { askTwice } from "./cloudflare-stub.ts";
import { tableAuthority } from "./table-authority.ts";

export class LazyDescriptors {
  readonly #namespace: DurableObjectNamespace;
  #cache: DescriptorCache | undefined;

  constructor(namespace: DurableObjectNamespace) {
    this.#namespace = namespace;
  }

  /** Those with this hash. Undefined if there are none. Rejects if the authority cannot be asked. */
  async load(hash: string): Promise<Descriptors | undefined> {
    const { DescriptorCache: Cache } = await import("../transcode/cache.ts");
    this.#cache ??= new Cache();
    return this.#cache.load(hash, (wanted) => askTwice(() => tableAuthority(this.#namespace).descriptorSet(wanted)));
  }
}
