/** The name by which callers may ask for an endpoint again: it tells nothing of its address. */
import { hash } from "./hash.ts";

/** The same for the same endpoint of the same backend, always and everywhere. */
export function endpointId(backend: string, host: string, port: number): string {
  const text = `${backend} ${host} ${port}`;
  return hex(hash(text)) + hex(hash(text, 1));
}

function hex(bits: number): string {
  return bits.toString(16).padStart(8, "0");
}
