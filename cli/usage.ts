/** A mistake on the command line, which the command's help would have prevented. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
