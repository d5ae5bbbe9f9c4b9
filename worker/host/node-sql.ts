/** SQLite as Node has it. */
import { chmodSync } from "node:fs";
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
  try {
    const database = new DatabaseSync(file, { timeout: 5_000 });
    chmodSync(file, 0o600); // it may hold private keys; SQLite's other files follow it
    // Readers beside the writer: worker processes, and the next process while this one drains.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    return database;
  } catch (cause) {
    throw new Error(`${file} cannot be opened: ${(cause as Error).message}`, { cause });
  }
}
