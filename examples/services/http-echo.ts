import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

const maxBody = 64 * 1024;

/** A plain HTTP/1.1 server that answers every request with what it saw of it, as JSON. */
export function httpEcho(cluster: string): Server {
  return createServer((request, response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBody) chunks.push(chunk);
    });
    request.on("end", () => {
      if (size > maxBody) return answer(response, 413, { error: `the body is larger than ${maxBody} bytes` });
      answer(response, 200, { cluster, ...seen(request), body: Buffer.concat(chunks).toString() });
    });
  });
}

function seen(request: IncomingMessage) {
  const { method, url, headers, headersDistinct } = request;
  return { method, path: url, host: headers.host, headers: headersDistinct };
}

function answer(response: ServerResponse, status: number, content: object): void {
  const body = `${JSON.stringify(content, undefined, 2)}\n`;
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}
