// @ts-check
/** A call as commands and code. */

/** @param {string} text */
const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;

const isLocal = () => /^(?:localhost|127\.|.*\.localhost)/.test(location.hostname);

/** @param {string} message */
function compact(message) {
  try {
    return JSON.stringify(JSON.parse(message));
  } catch {
    return message;
  }
}

/** What `host` has to be sent as besides the address; false: nothing. @param {string} host */
function otherHost(host) {
  const name = host.replace(/^https?:\/\//, "");
  return name !== location.host && name;
}

/** @type {Record<string, (call: import("./call.js").Call) => string>} */
export const snippets = {
  grpcurl({ path, host, message, metadata, timeoutMs }) {
    return words("grpcurl", [
      location.protocol === "http:" ? "-plaintext" : isLocal() && "-insecure",
      otherHost(host) && `-authority ${quote(`${otherHost(host)}`)}`,
      timeoutMs !== undefined && `-max-time ${timeoutMs / 1000}`,
      ...metadata.map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`),
      `-d ${quote(compact(message))}`,
      location.port === "" ? `${location.hostname}:${location.protocol === "http:" ? 80 : 443}` : location.host,
      path.slice(1),
    ]);
  },
  "buf curl"({ path, host, message, metadata, protocol, timeoutMs }) {
    return words("buf curl", [
      location.protocol === "https:" && isLocal() && "-k",
      `--protocol ${protocol === "connect" ? "connect" : "grpcweb"}`,
      otherHost(host) && `-H ${quote(`Host: ${otherHost(host)}`)}`,
      timeoutMs !== undefined && `--timeout ${timeoutMs / 1000}s`,
      ...metadata.map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`),
      `-d ${quote(compact(message))}`,
      quote(location.origin + path),
    ]);
  },
  curl({ path, host, message, metadata, streaming, timeoutMs }) {
    if (streaming) return "# curl cannot frame a stream's messages: use grpcurl or buf curl";
    return words("curl", [
      location.protocol === "https:" && isLocal() && "-k",
      otherHost(host) && `-H ${quote(`Host: ${otherHost(host)}`)}`,
      timeoutMs !== undefined && `-H ${quote(`Connect-Timeout-Ms: ${timeoutMs}`)}`,
      ...metadata.map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`),
      `--json ${quote(compact(message))}`,
      quote(location.origin + path),
    ]);
  },
  "connect-web"({ path, message, metadata, protocol, streaming, timeoutMs }) {
    const [, service = "", method = ""] = path.split("/");
    const name = service.slice(service.lastIndexOf(".") + 1);
    const create = protocol === "connect" ? "createConnectTransport" : "createGrpcWebTransport";
    const call = `client.${(method[0] ?? "").toLowerCase()}${method.slice(1)}(${compact(message)}${optionsOf(metadata, timeoutMs)})`;
    return `import { createClient } from "@connectrpc/connect";
import { ${create} } from "@connectrpc/connect-web";
import { ${name} } from "./gen/…_pb";

const client = createClient(${name}, ${create}({ baseUrl: ${JSON.stringify(location.origin)} }));
${streaming ? `for await (const answer of ${call}) console.log(answer);` : `console.log(await ${call});`}`;
  },
};

/** @param {[string, string][]} metadata @param {number | undefined} timeoutMs */
function optionsOf(metadata, timeoutMs) {
  const options = [
    ...(metadata.length === 0 ? [] : [`headers: ${JSON.stringify(metadata)}`]),
    ...(timeoutMs === undefined ? [] : [`timeoutMs: ${timeoutMs}`]),
  ];
  return options.length === 0 ? "" : `, { ${options.join(", ")} }`;
}

/** @param {string} command @param {(string | false)[]} parts */
function words(command, parts) {
  return [command, ...parts.filter((part) => part !== false)].join(" ");
}
