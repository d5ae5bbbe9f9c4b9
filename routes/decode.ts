/**
 * From one cluster's table as it came over the network to its checked part of the model. Whatever the message holds,
 * the answer is either the whole part or what is wrong with it, never an exception and never a part of the part.
 * This file and its folder alone know the protobuf types.
 */
import type { ClusterTable, DescriptorSet } from "../proto/gen/edgeway/v1/table_pb.js";
import { Place, type Issue } from "./issues.ts";
import { decodeBackend } from "./decode/backend.ts";
import { decodeCertificate } from "./decode/certificate.ts";
import { limits, list } from "./decode/list.ts";
import { Memo } from "./decode/memo.ts";
import { decodeRoute } from "./decode/route.ts";
import { excessOf, sizeOf } from "./excess.ts";
import type { Backend, ClusterPart } from "./model.ts";
import { forms } from "./syntax.ts";

export type { Issue } from "./issues.ts";

export type Decoded =
  | { readonly part: ClusterPart; readonly issues?: undefined }
  | { readonly part?: undefined; readonly issues: readonly Issue[] };

/** What fits into one row of SQLite on Cloudflare, which holds 2 MB. */
export const maxDescriptorSetBytes = 1_900_000;

export function decode(table: ClusterTable): Decoded {
  return new Decoder().decode(table);
}

/** Decodes one table of a cluster after the other; what comes again as the very same message is not read again. */
export class Decoder {
  #memo: Memo | undefined;

  decode(table: ClusterTable): Decoded {
    const issues: Issue[] = [];
    const memo = new Memo(table.cluster, table.lastResort, this.#memo);
    const part = decodePart(table, memo, Place.root(issues));
    if (issues.length > 0) return { issues };
    memo.close();
    this.#memo = memo;
    return { part };
  }
}

function decodePart(table: ClusterTable, memo: Memo, place: Place): ClusterPart {
  const cluster = place.at("cluster").check(table.cluster, forms.name);
  const { patterns, shared } = memo;
  const hashes = new Set<string>();
  list(table.descriptorSets, limits.descriptorSets, place, "descriptorSets", (message, at) =>
    checkDescriptorSet(message, hashes, at),
  );
  const backends = list(table.backends, limits.backends, place, "backends", (message, at) =>
    memo.backend(message, hashes, () => decodeBackend(message, { cluster, hashes, shared }, at)),
  );
  const byKey = new Map<string, Backend>();
  table.backends.slice(0, backends.length).forEach(({ key }, index) => {
    if (byKey.has(key)) place.at("backends", index).at("key").wrong("is another backend's too");
    byKey.set(key, backends[index]!);
  });
  const keys = new Set<string>();
  const context = { cluster, backends: byKey, patterns, shared, lastResort: table.lastResort };
  const routes = list(table.routes, limits.routes, place, "routes", (message, at) => {
    if (keys.has(message.key)) at.at("key").wrong("is another route's too");
    keys.add(message.key);
    return memo.route(message, byKey, () => decodeRoute(message, context, at));
  });
  const excess = excessOf(routes.map(sizeOf));
  if (excess !== undefined) place.at("routes").wrong(excess);
  const certificateKeys = new Set<string>();
  const certificates = list(table.certificates, limits.certificates, place, "certificates", (message, at) =>
    decodeCertificate(message, certificateKeys, at),
  );
  return Object.freeze({ cluster, routes, backends, certificates, lastResort: table.lastResort });
}

/** The bytes are not read here, nor held against their hash, and may be left out: the table refers to sets by hash. */
function checkDescriptorSet({ hash, fileDescriptorSet }: DescriptorSet, hashes: Set<string>, place: Place): void {
  place.at("hash").check(hash, forms.hash);
  if (hashes.has(hash)) place.at("hash").wrong("is another descriptor set's too");
  hashes.add(hash);
  if (fileDescriptorSet.length > maxDescriptorSetBytes)
    place.at("fileDescriptorSet").wrong(`must have at most ${maxDescriptorSetBytes} bytes`);
}
