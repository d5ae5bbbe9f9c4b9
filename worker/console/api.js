// @ts-check
/** What the page asks of the edge. */

const tokenKey = "edgeway-token";

/** The token was not taken. */
export class Unauthorized extends Error {}

/** A token comes in the URL's fragment, which no server sees, and does not stay there. */
export function takeToken() {
  const given = /^#token=(.+)$/.exec(location.hash)?.[1];
  if (given === undefined) return;
  sessionStorage.setItem(tokenKey, decodeURIComponent(given));
  history.replaceState(null, "", location.pathname);
}

export function token() {
  return sessionStorage.getItem(tokenKey) ?? "";
}

/** @param {string} value */
export function setToken(value) {
  if (value === "") sessionStorage.removeItem(tokenKey);
  else sessionStorage.setItem(tokenKey, value);
}

/**
 * @param {string} path
 * @param {unknown} [body] sent as JSON
 * @returns {Promise<any>}
 */
async function ask(path, body) {
  const headers = { authorization: `Bearer ${token()}`, "content-type": "application/json" };
  const init = body === undefined ? { headers } : { headers, method: "POST", body: JSON.stringify(body) };
  const response = await fetch(path, init);
  if (response.status === 401) throw new Unauthorized("the edge does not take this token");
  if (response.status === 400 && body !== undefined) throw new Error((await response.json()).error);
  if (response.status === 400) throw new Unauthorized("the edge does not take this token");
  if (!response.ok) throw new Error(`the edge answered ${response.status}`);
  return response.json();
}

/** @returns {Promise<import("./types.d.ts").Overview>} */
export const overview = () => ask("api/overview");
/** @returns {Promise<import("../admin/console-view.ts").RoutesView>} */
export const routes = () => ask("api/routes");
/** @param {number} since @returns {Promise<import("./types.d.ts").TrafficPage>} */
export const traffic = (since) => ask(`api/traffic?since=${since}`);
/** @returns {Promise<import("./types.d.ts").Services>} */
export const services = () => ask("api/services");
/** @param {{ url: string, method: string, headers: [string, string][] }} asked @returns {Promise<import("../admin/explain.ts").Explanation>} */
export const explain = (asked) => ask("explain", asked);
