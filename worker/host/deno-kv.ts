/**
 * Parts in Deno KV: a pointer that names what there is, and blobs, which never change, in pieces below KV's limit for a
 * value. Who swaps the pointer must have seen the one before, so that of two isolates that take pushes one is told to
 * look again.
 */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { isEmpty, type PartChange, type PartStorage, type StoredPart, tableOf, wholeUpdate } from "../admin/part.ts";

/** Bytes of one value: 64 KiB less what KV adds. */
const pieceBytes = 60_000;
/** Pieces written at once: KV takes 800 KiB. */
const piecesAtOnce = 10;

export const pointerKey: Deno.KvKey = ["edgeway", "table"];
const blobKey = (id: string): Deno.KvKey => ["edgeway", "blob", id];

interface Pointer {
  readonly parts: readonly PartPointer[];
  /** Descriptor sets by hash. */
  readonly sets: ReadonlyMap<string, BlobPointer>;
}

interface PartPointer extends Pick<StoredPart, "cluster" | "revision" | "pushedMillis" | "issuedMillis"> {
  /** An edgeway.v1.ClusterTable. */
  readonly table: BlobPointer;
}

interface BlobPointer {
  readonly id: string;
  readonly pieces: number;
}

interface Contents {
  readonly parts: readonly StoredPart[];
  /** Descriptor sets by hash. */
  readonly sets: Map<string, Uint8Array>;
}

const nothing: Pointer = { parts: [], sets: new Map() };

/** What the KV has, as far as this isolate knows. */
export class KvParts implements PartStorage {
  readonly #kv: Deno.Kv;
  /** Of the pointer; null: there was none. */
  #versionstamp: string | null;
  #pointer: Pointer;
  readonly #parts: Map<string, StoredPart>;
  readonly #sets: Map<string, Uint8Array>;
  /** Clusters whose parts were saved since the last commit, and whether more than their times changed. */
  readonly #saved = new Map<string, boolean>();

  private constructor(kv: Deno.Kv, { value, versionstamp }: Deno.KvEntry<Pointer>, { parts, sets }: Contents) {
    this.#kv = kv;
    this.#versionstamp = versionstamp;
    this.#pointer = value ?? nothing;
    this.#parts = new Map(parts.map((part) => [part.cluster, part]));
    this.#sets = sets;
  }

  /** Reads all there is. */
  static async read(kv: Deno.Kv): Promise<KvParts> {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- until nothing is replaced while it is read
      const entry = await kv.get<Pointer>(pointerKey);
      // oxlint-disable-next-line no-await-in-loop
      const contents = await readAll(kv, entry.value ?? nothing);
      if (contents !== undefined) return new KvParts(kv, entry, contents);
    }
  }

  /** Names what it knows of. */
  get versionstamp(): string | null {
    return this.#versionstamp;
  }

  load(): Iterable<StoredPart> {
    return this.#parts.values();
  }

  /** In memory, until {@link commit}. */
  save(part: StoredPart, change: PartChange): void {
    const before = this.#parts.get(part.cluster);
    const differs = before === undefined || before.lastResort !== part.lastResort || !isEmpty(change);
    this.#parts.set(part.cluster, part);
    this.#saved.set(part.cluster, differs || this.#saved.get(part.cluster) === true);
    for (const [hash, bytes] of change.descriptorSets) {
      if (bytes !== undefined && !this.#sets.has(hash)) this.#sets.set(hash, bytes);
    }
  }

  descriptorSet(hash: string): Uint8Array | undefined {
    return this.#sets.get(hash);
  }

  /**
   * Writes what was saved. False if another wrote meanwhile: then nothing of it counts, and all has to be read again.
   *
   * @throws Error if the KV cannot be written
   */
  async commit(): Promise<boolean> {
    if (this.#saved.size === 0) return true;
    const written: BlobPointer[] = [];
    const next = await this.#next(async (bytes) => {
      const blob = await writeBlob(this.#kv, bytes);
      written.push(blob);
      return blob;
    });
    const swap = this.#kv.atomic().check({ key: pointerKey, versionstamp: this.#versionstamp });
    forget(swap, blobsOf(this.#pointer), blobsOf(next));
    const outcome = await swap.set(pointerKey, next).commit();
    if (!outcome.ok) {
      const cleaning = this.#kv.atomic();
      forget(cleaning, written, []);
      await cleaning.commit();
      return false;
    }
    this.#versionstamp = outcome.versionstamp;
    this.#pointer = next;
    this.#saved.clear();
    for (const hash of this.#sets.keys()) if (!next.sets.has(hash)) this.#sets.delete(hash);
    return true;
  }

  /** The pointer to what there is now. */
  async #next(write: (bytes: Uint8Array) => Promise<BlobPointer>): Promise<Pointer> {
    const parts: PartPointer[] = [];
    const sets = new Map<string, BlobPointer>();
    const before = new Map(this.#pointer.parts.map(({ cluster, table }) => [cluster, table]));
    for (const part of this.#parts.values()) {
      const { cluster, revision, pushedMillis, issuedMillis } = part;
      const same = this.#saved.get(cluster) === true ? undefined : before.get(cluster);
      // oxlint-disable-next-line no-await-in-loop -- one after the other in memory
      const table = same ?? (await write(toBinary(ClusterTableSchema, tableOf(part))));
      parts.push({ cluster, revision, pushedMillis, issuedMillis, table });
      for (const hash of part.descriptorSets) {
        const known = sets.get(hash) ?? this.#pointer.sets.get(hash);
        // oxlint-disable-next-line no-await-in-loop
        sets.set(hash, known ?? (await write(this.#sets.get(hash)!)));
      }
    }
    return { parts, sets };
  }
}

/** Undefined if something was replaced meanwhile. */
async function readAll(kv: Deno.Kv, pointer: Pointer): Promise<Contents | undefined> {
  const parts: StoredPart[] = [];
  for (const { table, ...times } of pointer.parts) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other in memory
    const bytes = await readBlob(kv, table);
    if (bytes === undefined) return undefined;
    parts.push({ ...wholeUpdate(fromBinary(ClusterTableSchema, bytes)).resources, ...times });
  }
  const sets = new Map<string, Uint8Array>();
  for (const [hash, blob] of pointer.sets) {
    // oxlint-disable-next-line no-await-in-loop
    const bytes = await readBlob(kv, blob);
    if (bytes === undefined) return undefined;
    sets.set(hash, bytes);
  }
  return { parts, sets };
}

async function readBlob(kv: Deno.Kv, { id, pieces }: BlobPointer): Promise<Uint8Array | undefined> {
  const read: Uint8Array[] = [];
  for await (const { value } of kv.list<Uint8Array>({ prefix: blobKey(id) })) read.push(value!);
  if (read.length !== pieces) return undefined;
  const bytes = new Uint8Array(read.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const piece of read) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}

async function writeBlob(kv: Deno.Kv, bytes: Uint8Array): Promise<BlobPointer> {
  const id = crypto.randomUUID();
  const pieces = Math.ceil(bytes.length / pieceBytes);
  for (let first = 0; first < pieces; first += piecesAtOnce) {
    const write = kv.atomic();
    for (let index = first; index < Math.min(pieces, first + piecesAtOnce); index++) {
      write.set([...blobKey(id), index], bytes.slice(index * pieceBytes, (index + 1) * pieceBytes));
    }
    // oxlint-disable-next-line no-await-in-loop -- KV takes so much at once
    await write.commit();
  }
  return { id, pieces };
}

function blobsOf({ parts, sets }: Pointer): readonly BlobPointer[] {
  return [...parts.map(({ table }) => table), ...sets.values()];
}

/** Has `operation` delete those of `blobs` that are not among `kept`. */
function forget(operation: Deno.KvAtomic, blobs: readonly BlobPointer[], kept: readonly BlobPointer[]): void {
  const ids = new Set(kept.map(({ id }) => id));
  for (const { id, pieces } of blobs) {
    if (ids.has(id)) continue;
    for (let index = 0; index < pieces; index++) operation.delete([...blobKey(id), index]);
  }
}
