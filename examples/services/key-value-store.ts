import type { ServerDuplexStream } from "@grpc/grpc-js";

interface Request {
  readonly key: string;
}

interface Response {
  readonly value: string;
}

const values = new Map([
  ["key1", "value1"],
  ["key2", "value2"],
  ["key3", "value3"],
  ["key4", "value4"],
  ["key5", "value5"],
]);

/** keyvaluestore.KeyValueStore */
export const keyValueStore = {
  getValues(call: ServerDuplexStream<Request, Response>) {
    call.on("data", ({ key }: Request) => call.write({ value: values.get(key) ?? "" }));
    call.on("end", () => call.end());
  },
};
