import { generate } from "selfsigned";
import { beforeAll, expect, test } from "vitest";
import { CertificateWatch } from "./certificate-watch.ts";

const day = 86_400_000;
const end = Date.UTC(2030, 0, 31);
let long: string;
let short: string;
beforeAll(async () => {
  const made = async (days: number) => {
    const dates = { notBeforeDate: new Date(end - days * day), notAfterDate: new Date(end) };
    return (await generate([{ name: "commonName", value: "a.test" }], { keyType: "ec", algorithm: "sha256", ...dates }))
      .cert;
  };
  [long, short] = await Promise.all([made(90), made(6)]);
});

/** A watch of which it is known what it says, `days` before the certificates end. */
function watchAt(days: number) {
  const said: string[] = [];
  return { said, watch: new CertificateWatch({ now: () => end - days * day, log: (line) => said.push(line) }) };
}

test.each([
  [15, []],
  [14, ["the certificate of --tls-cert tls.crt ends at 2030-01-31T00:00:00Z, within 14 days: it has to be renewed"]],
  [0.5, ["the certificate of --tls-cert tls.crt ends at 2030-01-31T00:00:00Z, within a day: it has to be renewed"]],
  [
    -1,
    ["the certificate of --tls-cert tls.crt expired at 2030-01-31T00:00:00Z: callers that check it are refused by it"],
  ],
])("%d days before a file's certificate ends, what is said is %j", (days, lines) => {
  const { said, watch } = watchAt(days);
  watch.setFile("tls.crt", long);
  expect(said).toEqual(lines);
});

test("a certificate of a short life is said to end in the last third of it", () => {
  const early = watchAt(3);
  early.watch.setFile("tls.crt", short);
  expect(early.said).toEqual([]);
  const late = watchAt(2);
  late.watch.setFile("tls.crt", short);
  expect(late.said).toHaveLength(1);
});

test("of the table's certificates each that ends soon is said once, and again when it is asked for", () => {
  const { said, watch } = watchAt(10);
  const pushed = { hostnames: ["a.test", "b.test"], chain: long };
  watch.setPushed([pushed]);
  watch.setPushed([pushed, { hostnames: ["c.test"], chain: "no certificate" }]);
  const line =
    "the certificate for a.test and 1 more ends at 2030-01-31T00:00:00Z, within 10 days: it has to be renewed";
  expect(said).toEqual([line]);
  watch.repeat();
  expect(said).toEqual([line, line]);
});

test("metrics get the end of each name's certificate, the file's for any other name", () => {
  const { watch } = watchAt(60);
  watch.setFile("tls.crt", short);
  watch.setPushed([{ hostnames: ["a.test", "*.b.test"], chain: long }]);
  expect(watch.ends()).toEqual(["", "a.test", "*.b.test"].map((hostname) => ({ hostname, notAfter: end })));
});

test("of very many certificates that end soon, the first are named and the rest counted", () => {
  const { said, watch } = watchAt(10);
  watch.setPushed(Array.from({ length: 25 }, (_, i) => ({ hostnames: [`h${i}.test`], chain: long })));
  expect(said).toHaveLength(21);
  expect(said.at(-1)).toBe("5 more certificates have expired, or end within 14 days");
});
