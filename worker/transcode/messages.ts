/** Translates the messages of a stream in gRPC's framing, one by one and each whole. */
import { CallError, type Side } from "../call/error.ts";
import type { Source } from "../call/flow.ts";
import { Code } from "../call/status.ts";
import { Step } from "../protocol/step.ts";
import { envelope, EnvelopeSplitter } from "../wire/envelope.ts";
import { Gatherer } from "../wire/gather.ts";

/**
 * Bytes of a message on either side: it becomes objects that take ten times as much, and a Worker has 128 MB. It is also
 * what gRPC's own servers and clients take unless told otherwise.
 */
export const maxTranslatedBytes = 4 * 1024 * 1024;

/** What a message becomes. Throws a CallError if it cannot be translated. */
export type TranslateMessage = (message: Uint8Array) => Uint8Array;

/** `messages`, none of them compressed, each as `translate` makes it. `side`: who sends them. */
export function translateMessages<E>(messages: Source<E>, translate: TranslateMessage, side: Side): Source<E> {
  return new Translating(messages, translate, side);
}

class Translating<E> extends Step<E, E> {
  readonly #translate: TranslateMessage;
  readonly #side: Side;
  readonly #message = new Gatherer();
  readonly #splitter: EnvelopeSplitter;

  constructor(messages: Source<E>, translate: TranslateMessage, side: Side) {
    super(messages);
    this.#translate = translate;
    this.#side = side;
    this.#splitter = new EnvelopeSplitter({
      begin: (flags, length) => this.#begin(flags, length),
      piece: (bytes) => {
        if (this.open) this.#message.add(bytes);
      },
      complete: () => this.#complete(),
    });
  }

  protected take(bytes: Uint8Array): void {
    this.#splitter.push(bytes);
  }

  end(end: E): void {
    if (this.#splitter.atBoundary) this.finish(end);
    else this.#refuse(Code.INTERNAL, "the stream ended within a message");
  }

  #begin(flags: number, length: number): void {
    if (length > maxTranslatedBytes) this.#refuseSize();
    // What was compressed as the call says is plain by now.
    else if (flags !== 0) this.#refuse(Code.INTERNAL, `a message has flags ${flags} that the call does not explain`);
  }

  #complete(): void {
    const message = this.#message.take();
    if (!this.open) return;
    let translated: Uint8Array;
    try {
      translated = this.#translate(message);
    } catch (error) {
      // What else is thrown is a defect here: it ends this call, not those beside it on the connection.
      return this.breakOff(error instanceof CallError ? error : defect(error));
    }
    if (translated.length > maxTranslatedBytes) return this.#refuseSize();
    this.give(envelope(0, translated));
  }

  #refuseSize(): void {
    this.#refuse(
      Code.RESOURCE_EXHAUSTED,
      `the message is larger than ${maxTranslatedBytes} bytes, too large to be translated`,
    );
  }

  #refuse(code: Code, message: string): void {
    this.breakOff(new CallError(code, message, { side: this.#side }));
  }
}

function defect(cause: unknown): CallError {
  return new CallError(Code.INTERNAL, "the edge failed", { side: "edge", cause });
}
