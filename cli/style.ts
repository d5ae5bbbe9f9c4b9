/** How the commands print: tables, and colours where they go to a terminal that shows them. */
import { stripVTControlCharacters, styleText } from "node:util";

type Format = Parameters<typeof styleText>[0];

/** `text` in a colour or weight, where standard output is a terminal and nobody said NO_COLOR. */
export function paint(format: Format, text: string): string {
  return styleText(format, text, { stream: process.stdout });
}

/**
 * Rows under their heads, in columns as wide as they need to be.
 *
 * @param heads those that begin with ">" are of numbers
 */
export function formatTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const titles = heads.map((head) => paint("dim", head.replace(">", "").toUpperCase()));
  const all = [titles, ...rows];
  const widths = heads.map((_, column) => Math.max(...all.map((row) => widthOf(row[column]!))));
  return all
    .map((row) => row.map((cell, column) => pad(cell, widths[column]!, heads[column]!.startsWith(">"))).join("  "))
    .map((line) => line.trimEnd())
    .join("\n");
}

function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}

function pad(cell: string, width: number, right: boolean): string {
  const space = " ".repeat(width - widthOf(cell));
  return right ? space + cell : cell + space;
}

/** "12 s", "5 min", "3 h", "2 d". */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`;
}
