/**
 * What one input made the code allocate. A length that a peer only announces must not be allocated: the largest single
 * array is held against the input's own size, whatever the collector did meanwhile; the heap as a whole is held against
 * it too, roughly.
 */
import { getHeapStatistics } from "node:v8";
import { Amiss } from "./target.ts";

/** What a decoder may set aside before it has seen a byte, and for each byte that it has seen. */
const largestArray = 131_072;
const arrayPerByte = 16;
const heap = 48 * 1024 * 1024;
const heapPerByte = 4096;

let largest = 0;

/** Counts the bytes of typed arrays that are made by length from here on, in this thread. */
export function countAllocations(): void {
  globalThis.Uint8Array = counted(Uint8Array);
  globalThis.ArrayBuffer = counted(ArrayBuffer);
}

function counted<T extends Uint8ArrayConstructor | ArrayBufferConstructor>(type: T): T {
  return new Proxy(type, {
    construct(target, args: unknown[], made): object {
      const [length] = args;
      if (typeof length === "number" && length > largest) largest = length;
      return Reflect.construct(target, args, made) as object;
    },
  });
}

/** Runs `use` and throws if it took more than an input of `length` bytes is worth. */
export function withinMeans<T>(length: number, use: () => T): T {
  largest = 0;
  const before = getHeapStatistics().used_heap_size;
  const result = use();
  const after = getHeapStatistics().used_heap_size;
  if (largest > largestArray + arrayPerByte * length) {
    throw new Amiss(`an array of ${largest} bytes for an input of ${length}`);
  }
  if (after - before > heap + heapPerByte * length) {
    throw new Amiss(`${after - before} bytes of heap for an input of ${length}`);
  }
  return result;
}
