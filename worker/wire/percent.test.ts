import { expect, test } from "vitest";
import { decodePercent, decodePercentText, encodeGrpcMessage } from "./percent.ts";

test("a message is coded as the specification's example asks", () => {
  expect(encodeGrpcMessage("100% sûr\n")).toBe("100%25 s%C3%BBr%0A");
  expect(encodeGrpcMessage("plain ~ text!")).toBe("plain ~ text!");
});

test("spaces at either end are coded: a field's value begins and ends with none", () => {
  for (const message of [" ", " a", "b ", "  c d  ", " ü "]) {
    const coded = encodeGrpcMessage(message);
    expect(coded).toBe(coded.trim());
    expect(decodePercentText(coded)).toBe(message);
  }
  expect(encodeGrpcMessage("no value: ")).toBe("no value:%20");
});

test("any message comes back as it was", () => {
  for (const message of ["", "%", "%%", "%41", "a\tb\r\n", "日本語 ☺", "\u{1f600}", "\u0000\u007f"]) {
    const coded = encodeGrpcMessage(message);
    expect(coded).toMatch(/^[ -~]*$/);
    expect(decodePercentText(coded)).toBe(message);
  }
});

test.each([
  ["50% off", "50% off"],
  ["%", "%"],
  ["%4", "%4"],
  ["%zz%41", "%zzA"],
  ["%%41", "%A"],
  ["%e6%97%A5", "日"],
  ["%ff", "\ufffd"],
])("%j, however malformed, is read as %j", (coded, message) => expect(decodePercentText(coded)).toBe(message));

test("bytes that are no text are decoded as they are", () => {
  expect([...decodePercent("%00%ff%0A-")]).toEqual([0, 255, 10, 45]);
});
