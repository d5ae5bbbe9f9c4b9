import { expect, test } from "vitest";
import { Code } from "../call/status.ts";
import { TestSink, TestSource } from "../protocol/testing.ts";
import { envelope } from "../wire/envelope.ts";
import { translateMessages } from "./messages.ts";

test("a defect in the translation of one message ends that call alone, and is not told to its caller", () => {
  const defect = new TypeError("Cannot read properties of undefined");
  const source = new TestSource([envelope(0, Uint8Array.of(1)), envelope(0, Uint8Array.of(2))], "end");
  const translate = (): never => {
    throw defect;
  };
  const sink = new TestSink(translateMessages(source, translate, "origin"));
  expect(sink.error).toMatchObject({ code: Code.INTERNAL, message: "the edge failed", side: "edge", cause: defect });
  expect(source.cancelled).toBe(sink.error);
});
