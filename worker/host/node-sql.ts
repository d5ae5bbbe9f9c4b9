/** SQLite as Node has it. */
import { chmodSync, existsSync, renameSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Sql, SqlValue } from "../admin/sql-part-storage.ts";

export interface NodeSql extends Sql {
  close(): void;
}

/**
 * Opens the database in `file`, and makes it if there is none.
 *
 * @throws Error in one line if it cannot be opened
 */
export function openSql(file: string): NodeSql {
  const database = open(file);
  const statements = new Map<string, StatementSync>();
  const prepared = (text: string): StatementSync => {
    const known = statements.get(text);
    if (known !== undefined) return known;
    const statement = database.prepare(text);
    statements.set(text, statement);
    return statement;
  };
  return {
    rows: (text, ...values) => prepared(text).all(...values) as Record<string, SqlValue>[],
    transaction(run) {
      database.exec("BEGIN IMMEDIATE");
      try {
        run();
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
      database.exec("COMMIT");
    },
    close: () => database.close(),
  };
}

/**
 * Opens the database in `file` and has `read` what it holds. One that is damaged is put aside, with a line that says so,
 * and an empty one is begun: what it held comes again, as agents push it.
 *
 * @throws Error in one line if it cannot be opened; what `read` throws of its own
 */
export function openSoundSql<T>(file: string, read: (sql: NodeSql) => T, log: (line: string) => void): [NodeSql, T] {
  try {
    return readSql(file, read);
  } catch (error) {
    if (!isDamage(error)) throw error;
    const aside = `${file}.damaged-${new Date().toISOString().replaceAll(":", "-")}`;
    // What is not in the file itself yet is the damaged one's, too.
    for (const more of ["", "-wal", "-shm"]) if (existsSync(file + more)) renameSync(file + more, aside + more);
    log(`${file} is damaged: it is now ${aside}; the table begins empty, and agents push it again`);
    return readSql(file, read);
  }
}

function readSql<T>(file: string, read: (sql: NodeSql) => T): [NodeSql, T] {
  const sql = openSql(file);
  try {
    const [problem] = sql.rows("PRAGMA quick_check(1)").flatMap((row) => Object.values(row));
    if (problem !== "ok") throw new Damage(`${file}: ${String(problem)}`);
    return [sql, read(sql)];
  } catch (error) {
    sql.close();
    throw error;
  }
}

class Damage extends Error {}

/** SQLITE_CORRUPT and SQLITE_NOTADB, of which Deno has the messages alone. */
function isDamage(error: unknown): boolean {
  if (error instanceof Damage) return true;
  const { code, message } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
  return code === "ERR_SQLITE_ERROR" && /malformed|not a database/.test(message);
}

/**
 * Holds `file`, made if there is none, until the returned function is called or the process ends, however it ends: it is
 * SQLite's lock, which the kernel keeps. Undefined if another process holds it.
 *
 * @throws Error in one line if it cannot be opened
 */
export function lockFile(file: string): (() => void) | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    if (isBusy(cause)) return undefined;
    throw new Error(`${file} cannot be locked: ${(cause as Error).message}`, { cause });
  }
  return () => {
    if (database.isOpen) database.close();
  };
}

/** SQLITE_BUSY, of which Deno has the message alone. */
function isBusy(error: unknown): boolean {
  const { errcode, message } = error as Error & { readonly errcode?: number };
  return errcode === undefined ? message === "database is locked" : errcode === 5;
}

function open(file: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 5_000 });
    chmodSync(file, 0o600); // it may hold private keys; SQLite's other files follow it
    // Readers beside the writer: worker processes, and the next process while this one drains.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    return database;
  } catch (cause) {
    database?.close();
    throw new Error(`${file} cannot be opened: ${(cause as Error).message}`, { cause });
  }
}
