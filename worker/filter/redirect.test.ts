import { expect, it } from "vitest";
import type { PathMatch, Redirect } from "../../routes/model.ts";
import { Fields } from "../call/fields.ts";
import { redirectTo } from "./redirect.ts";

const matched: PathMatch = { kind: "prefix", path: "/a" };

function redirect(url: string, init: Partial<Redirect>) {
  const [, scheme, authority, path] = /^(https?):\/\/([^/]*)(.*)$/.exec(url)!;
  const full: Redirect = {
    kind: "redirect",
    scheme: undefined,
    hostname: undefined,
    port: undefined,
    path: undefined,
    query: undefined,
    status: 302,
    ...init,
  };
  const head = {
    method: "GET",
    scheme: scheme === "https" ? "https" : "http",
    authority: authority!,
    path: path!,
  } as const;
  return redirectTo(full, { ...head, fields: Fields.empty }, matched);
}

it.each([
  ["http://x.test/a?b=c", { scheme: "https" }, "https://x.test/a?b=c"],
  ["http://x.test:8080/a", { scheme: "https" }, "https://x.test/a"],
  ["http://x.test:8080/a", { scheme: "https", port: 8443 }, "https://x.test:8443/a"],
  ["http://x.test/a", { scheme: "https", port: 443 }, "https://x.test/a"],
  ["http://x.test:8080/a", { hostname: "y.test" }, "http://y.test:8080/a"],
  ["http://x.test:80/a", { hostname: "y.test" }, "http://y.test/a"],
  ["https://x.test/a", { port: 80 }, "https://x.test:80/a"],
  ["http://[fd00::1]:8080/a", {}, "http://[fd00::1]:8080/a"],
  ["http://[fd00::1]/a", { scheme: "https" }, "https://[fd00::1]/a"],
  ["http://x.test/a/b?c=d", { path: { kind: "prefix", path: "/x" } }, "http://x.test/x/b?c=d"],
  ["http://x.test/a?b=c", { path: { kind: "full", path: "/x" }, query: "" }, "http://x.test/x"],
  ["http://x.test/a?b=c", { query: "d=e" }, "http://x.test/a?d=e"],
  ["http://x.test/a", { query: "d=e" }, "http://x.test/a?d=e"],
  ["http:///a", { path: { kind: "full", path: "/x" } }, "/x"],
] as const)("%s with %j goes to %s", (url, init, location) => {
  const answer = redirect(url, init);
  expect(answer).toMatchObject({ status: 302, text: `redirected to ${location}` });
  expect(answer.fields.get("location")).toBe(location);
});
