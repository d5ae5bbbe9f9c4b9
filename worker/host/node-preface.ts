import type { Duplex } from "node:stream";

/** What every HTTP/2 client sends first (RFC 9113 section 3.4), as far as no HTTP/1.1 request begins with it. */
const preface = Buffer.from("PRI * HTTP/2.0\r\n");

/** A caller that has not said this much by then is not waited for. */
const patienceMs = 10_000;

/**
 * Whether a connection in the clear begins with HTTP/2's preface. Leaves it as if nothing had been read.
 *
 * @throws Error if it ends, or nothing comes, before that is known
 */
export function isHttp2(socket: Duplex): Promise<boolean> {
  let begin = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new Error("the connection said nothing"));
    const timer = setTimeout(giveUp, patienceMs);
    const settle = (http2: boolean) => {
      clearTimeout(timer);
      socket.off("readable", look).off("end", giveUp).off("close", giveUp);
      socket.unshift(begin);
      resolve(http2);
    };
    const look = () => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      begin = Buffer.concat([begin, chunk]);
      const compared = Math.min(begin.length, preface.length);
      if (!begin.subarray(0, compared).equals(preface.subarray(0, compared))) settle(false);
      else if (compared === preface.length) settle(true);
    };
    socket.on("readable", look).once("end", giveUp).once("close", giveUp);
  });
}
