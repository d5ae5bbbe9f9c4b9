/** From a listener's certificate as a message to its checked form. What the PEM holds is for the host to read. */
import type { Certificate as CertificateMessage } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { Place } from "../issues.ts";
import type { Certificate } from "../model.ts";
import { forms } from "../syntax.ts";
import { limits, list } from "./list.ts";
import { decodeSource } from "./source.ts";

export function decodeCertificate(message: CertificateMessage, keys: Set<string>, place: Place): Certificate {
  const { source, at } = decodeSource(message.source, place);
  const { key, chain, privateKey, clientCa, clientOptional } = message;
  if (keys.has(key)) place.at("key").wrong("is another certificate's too");
  keys.add(key);
  if (clientCa !== "") at.at("clientCa").check(clientCa, forms.certificates);
  return Object.freeze({
    key: at.at("key").check(key, forms.key),
    source,
    hostnames: list(message.hostnames, limits.hostnames, at, "hostnames", (hostname, where) =>
      where.check(hostname, forms.hostname),
    ),
    chain: at.at("chain").check(chain, forms.certificates),
    privateKey: at.at("privateKey").check(privateKey, forms.privateKey),
    clientCa: clientCa === "" ? undefined : clientCa,
    clientOptional,
  });
}
