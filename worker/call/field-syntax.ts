/** Which octets may be in a field's name and value (RFC 9110 section 5, RFC 9113 section 8.2.1). */

/** Lower-case token characters: tchar of RFC 9110 section 5.6.2 without A to Z. */
const nameOctets = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") nameOctets[character.charCodeAt(0)] = 1;

/** Whether `name` may be sent: a token in lower case, or that behind a colon. */
export function isFieldName(name: string): boolean {
  const start = name.charCodeAt(0) === 0x3a ? 1 : 0;
  if (name.length === start) return false;
  for (let i = start; i < name.length; i++) if (nameOctets[name.charCodeAt(i)] !== 1) return false;
  return true;
}

/** Whether `value` may be sent: no control characters but HTAB, no white space at either end. */
export function isFieldValue(value: string): boolean {
  const { length } = value;
  if (length === 0) return true;
  if (isSpace(value.charCodeAt(0)) || isSpace(value.charCodeAt(length - 1))) return false;
  for (let i = 0; i < length; i++) {
    const octet = value.charCodeAt(i);
    if (octet < 0x20 ? octet !== 0x09 : octet === 0x7f) return false;
  }
  return true;
}

/** Whether `bytes[at, end)` may be sent as a value: {@link isFieldValue} before there is a string. */
export function areValueOctets(bytes: Uint8Array, at: number, end: number): boolean {
  if (at === end) return true;
  if (isSpace(bytes[at]!) || isSpace(bytes[end - 1]!)) return false;
  for (; at < end; at++) {
    const octet = bytes[at]!;
    if (octet < 0x20 ? octet !== 0x09 : octet === 0x7f) return false;
  }
  return true;
}

/** `text` without spaces and tabs at its ends, in one look at each: a pattern would look at inner ones again and again. */
export function trimField(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (start < end && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isSpace(octet: number): boolean {
  return octet === 0x20 || octet === 0x09;
}
