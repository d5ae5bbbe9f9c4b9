/** Rounds in which every subject takes its turn, so that the machine's moods hit all alike. */
import type { LoadResult } from "./load.ts";
import { printRow, type Row, rowOf } from "./report.ts";

export interface Rounds {
  readonly rounds: number;
  /** Before the first round, per subject; not counted. */
  readonly warmUpMs: number;
  readonly roundMs: number;
}

/** The rows of one case, printed. `turn` has a subject take calls for so many milliseconds. */
export async function alternate<S extends { readonly name: string }>(
  name: string,
  subjects: readonly S[],
  { rounds, warmUpMs, roundMs }: Rounds,
  turn: (subject: S, milliseconds: number) => Promise<LoadResult>,
): Promise<Row[]> {
  const results = new Map(subjects.map((subject) => [subject, [] as LoadResult[]]));
  /* oxlint-disable no-await-in-loop -- one after the other is the point */
  for (const subject of subjects) await turn(subject, warmUpMs);
  for (let round = 0; round < rounds; round++) {
    for (const subject of subjects) results.get(subject)!.push(await turn(subject, roundMs));
  }
  return Array.from(results, ([subject, measured]) => printRow(rowOf(name, subject.name, measured)));
}
