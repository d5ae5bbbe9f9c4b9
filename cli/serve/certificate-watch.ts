/** Until when the certificates count that callers are shown: it is said of those that end soon, and told to metrics. */
import { X509Certificate } from "node:crypto";
import type { CertificateEnd } from "../../worker/observe/process-metrics.ts";

/** A certificate of the table. */
interface Pushed {
  /** Empty: any. */
  readonly hostnames: readonly string[];
  /** PEM. */
  readonly chain: string;
}

/** The days of one. */
interface Life {
  readonly from: number;
  readonly until: number;
}

export interface CertificateWatchOptions {
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly log: (line: string) => void;
}

const dayMs = 86_400_000;
const soonMs = 14 * dayMs;
/** Of all that end soon in one table, as many have a line of their own. */
const mostSaid = 20;

export class CertificateWatch {
  readonly #options: CertificateWatchOptions;
  /** What `--tls-cert` names. */
  #file: { readonly name: string; readonly life: Life | undefined } | undefined;
  #pushed: readonly Pushed[] = [];
  /** By the chain: undefined for those that cannot be read. */
  #lives: ReadonlyMap<string, Life | undefined> = new Map();

  constructor(options: CertificateWatchOptions) {
    this.#options = options;
  }

  /** The one in the file is read, for the first time or anew. */
  setFile(name: string, pem: string): void {
    this.#file = { name, life: lifeOf(pem) };
    this.#say(this.#file.life, `the certificate of --tls-cert ${name}`);
  }

  /** Those of the table as it is now. Of those that were there before nothing is said. */
  setPushed(pushed: readonly Pushed[]): void {
    const before = this.#lives;
    this.#lives = new Map(pushed.map(({ chain }) => [chain, before.has(chain) ? before.get(chain) : lifeOf(chain)]));
    this.#pushed = pushed;
    this.#sayPushed(pushed.filter(({ chain }) => !before.has(chain)));
  }

  /** Says again what there is to say of those of the table. */
  repeat(): void {
    this.#sayPushed(this.#pushed);
  }

  /** For each name the one that is served. */
  ends(): CertificateEnd[] {
    const ends = new Map<string, number>();
    if (this.#file?.life !== undefined) ends.set("", this.#file.life.until);
    for (const { hostnames, chain } of this.#pushed) {
      const life = this.#lives.get(chain);
      for (const hostname of hostnames.length === 0 ? [""] : hostnames) if (life) ends.set(hostname, life.until);
    }
    return Array.from(ends, ([hostname, notAfter]) => ({ hostname, notAfter }));
  }

  #sayPushed(pushed: readonly Pushed[]): void {
    const soon = pushed.filter(({ chain }) => this.#endsSoon(this.#lives.get(chain)));
    for (const { hostnames, chain } of soon.slice(0, mostSaid)) {
      const [first = "any hostname", ...more] = hostnames;
      const names = more.length === 0 ? first : `${first} and ${more.length} more`;
      this.#say(this.#lives.get(chain), `the certificate for ${names}`);
    }
    const unsaid = soon.length - mostSaid;
    if (unsaid > 0) this.#options.log(`${unsaid} more certificates have expired, or end within 14 days`);
  }

  #say(life: Life | undefined, which: string): void {
    if (life === undefined || !this.#endsSoon(life)) return;
    const left = life.until - this.#options.now();
    const at = new Date(life.until).toISOString().replace(/\.\d+Z$/, "Z");
    if (left <= 0) this.#options.log(`${which} expired at ${at}: callers that check it are refused by it`);
    else {
      const days = Math.ceil(left / dayMs);
      this.#options.log(
        `${which} ends at ${at}, within ${days === 1 ? "a day" : `${days} days`}: it has to be renewed`,
      );
    }
  }

  /** Of a short life, the last third: who renews such certificates does it late. */
  #endsSoon(life: Life | undefined): boolean {
    if (life === undefined) return false;
    return life.until - this.#options.now() <= Math.min(soonMs, (life.until - life.from) / 3);
  }
}

/** Of the first in `pem`, which callers know the name by. */
function lifeOf(pem: string): Life | undefined {
  try {
    const { validFromDate, validToDate } = new X509Certificate(pem);
    return { from: validFromDate.getTime(), until: validToDate.getTime() };
  } catch {
    return undefined; // whoever serves it says what is wrong with it
  }
}
