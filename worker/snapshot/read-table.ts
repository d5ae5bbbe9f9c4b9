/** Reads tables one after the other, of which most stays the same. */
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import {
  BackendSchema,
  type ClusterTable,
  ClusterTableSchema,
  RouteSchema,
  type Table,
  TableSchema,
} from "../../proto/gen/edgeway/v1/table_pb.js";

/** Each byte as one character, whatever it is: for keys. */
const characters = new TextDecoder("latin1");

/**
 * A route or backend whose bytes are those of one of the table before is the very same message, which a decoder knows
 * by its identity (routes/decode.ts).
 */
export class TableReader {
  readonly #routes = new Messages(RouteSchema);
  readonly #backends = new Messages(BackendSchema);

  /** @throws Error if `bytes` are no edgeway.v1.Table */
  read(bytes: Uint8Array): Table {
    const { clusters: of } = TableSchema.field;
    const { rest, parts } = split(bytes, [of.number]);
    const table = fromBinary(TableSchema, rest);
    table.clusters = parts.map(({ bytes: cluster }) => this.#readCluster(cluster));
    this.#routes.forgetUnread();
    this.#backends.forgetUnread();
    return table;
  }

  #readCluster(bytes: Uint8Array): ClusterTable {
    const { routes, backends } = ClusterTableSchema.field;
    const { rest, parts } = split(bytes, [routes.number, backends.number]);
    const table = fromBinary(ClusterTableSchema, rest);
    for (const { field, bytes: message } of parts) {
      if (field === routes.number) table.routes.push(this.#routes.read(message));
      else table.backends.push(this.#backends.read(message));
    }
    return table;
  }
}

/** The messages of one type, by their bytes. */
class Messages<D extends DescMessage> {
  readonly #schema: D;
  #before = new Map<string, MessageShape<D>>();
  #now = new Map<string, MessageShape<D>>();

  constructor(schema: D) {
    this.#schema = schema;
  }

  read(bytes: Uint8Array): MessageShape<D> {
    const key = characters.decode(bytes);
    const message = this.#now.get(key) ?? this.#before.get(key) ?? fromBinary(this.#schema, bytes);
    this.#now.set(key, message);
    return message;
  }

  forgetUnread(): void {
    this.#before = this.#now;
    this.#now = new Map();
  }
}

interface Split {
  /** The message without them. */
  readonly rest: Uint8Array;
  readonly parts: readonly { readonly field: number; readonly bytes: Uint8Array }[];
}

/** Takes out of a message the elements of these fields, which are lists of messages. */
function split(bytes: Uint8Array, fields: readonly number[]): Split {
  const reader = new BinaryReader(bytes);
  const parts: Split["parts"][number][] = [];
  const rest: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const began = reader.pos;
    const [field, type] = reader.tag();
    if (type === WireType.LengthDelimited && fields.includes(field)) {
      parts.push({ field, bytes: reader.bytes() });
    } else {
      reader.skip(type, field);
      rest.push(bytes.subarray(began, reader.pos));
    }
  }
  return { rest: concatenated(rest), parts };
}

function concatenated(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
