/** What one list has that the other has not. */
export interface Changes<T> {
  readonly added: ReadonlySet<T>;
  readonly removed: ReadonlySet<T>;
}

/** Most lists are those of the last time but for a few items, so only places that differ are looked into. */
export function changesBetween<T>(before: readonly T[], after: readonly T[]): Changes<T> {
  const removed = new Set<T>();
  const added = new Set<T>();
  for (let i = 0; i < Math.max(before.length, after.length); i++) {
    if (before[i] === after[i]) continue;
    if (i < before.length) removed.add(before[i]!);
    if (i < after.length) added.add(after[i]!);
  }
  for (const item of added) if (removed.delete(item)) added.delete(item);
  return { added, removed };
}
