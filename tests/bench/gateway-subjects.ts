/** The gateways that are compared, each a process of its own with one thread for calls, all with the same origin. */
import { openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Ports, Setting } from "./gateway-peer.ts";
import { find, freePort, reachable, start, type Subject, subjectOf } from "./processes.ts";

/** A program that is no part of the project. */
interface Program {
  readonly name: string;
  /** Told the folder for whatever it likes to write. */
  readonly env?: (folder: string) => Readonly<Record<string, string>>;
  readonly args: (config: string) => readonly string[];
  readonly config: (setting: Setting, ports: Ports, files: Files) => string;
}

/** Where a program may put things, and finds its certificate. */
interface Files {
  readonly folder: string;
  readonly cert: string;
  readonly key: string;
  /** Certificate and key in one file. */
  readonly pem: string;
}

export const programs: readonly Program[] = [
  {
    name: "haproxy",
    args: (config) => ["-db", "-f", config],
    config: ({ origin }, { h2c, tls }, { pem }) => `
global
  nbthread 1
  tune.h2.max-concurrent-streams 256
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  http-reuse always
frontend calls
  bind 127.0.0.1:${h2c} proto h2
  bind 127.0.0.1:${tls} ssl crt ${pem} alpn h2
  use_backend echo if { path_beg /bench.Echo/ }
backend echo
  server origin 127.0.0.1:${origin} proto h2
`,
  },
  {
    name: "nginx",
    args: (config) => ["-c", config],
    config: ({ origin }, { h2c, tls }, { folder, cert, key }) => `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx.log;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${folder}/nginx-body;
  proxy_temp_path ${folder}/nginx-proxy;
  fastcgi_temp_path ${folder}/nginx-fastcgi;
  uwsgi_temp_path ${folder}/nginx-uwsgi;
  scgi_temp_path ${folder}/nginx-scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  http2_max_concurrent_streams 256;
  upstream origin {
    server 127.0.0.1:${origin};
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
  }
  server {
    listen 127.0.0.1:${h2c} http2;
    listen 127.0.0.1:${tls} ssl http2;
    ssl_certificate ${cert};
    ssl_certificate_key ${key};
    ssl_protocols TLSv1.3;
    client_max_body_size 0;
    location /bench.Echo/ { grpc_pass grpc://origin; }
  }
}
`,
  },
  {
    name: "caddy",
    env: (folder) => ({ GOMAXPROCS: "1", HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder }),
    args: (config) => ["run", "--adapter", "caddyfile", "--config", config],
    config: ({ origin }, { h2c, tls }, { cert, key }) => `
{
  admin off
  auto_https off
  log {
    level ERROR
  }
  servers {
    protocols h1 h2 h2c
    timeouts {
      idle 1h
    }
  }
}
http://:${h2c} {
  bind 127.0.0.1
  handle /bench.Echo/* {
    reverse_proxy h2c://127.0.0.1:${origin}
  }
}
https://:${tls} {
  bind 127.0.0.1
  tls ${cert} ${key}
  handle /bench.Echo/* {
    reverse_proxy h2c://127.0.0.1:${origin}
  }
}
`,
  },
];

/** Undefined if the program is not installed. */
export async function startProgram(program: Program, setting: Setting, folder: string): Promise<Subject | undefined> {
  const { name, env, args, config } = program;
  const path = find(name);
  if (path === undefined) return undefined;
  const ports = { h2c: await freePort(), tls: await freePort() };
  const files = { folder, cert: join(folder, "cert"), key: join(folder, "key"), pem: join(folder, "pem") };
  writeFileSync(files.cert, setting.cert);
  writeFileSync(files.key, setting.key);
  writeFileSync(files.pem, `${setting.cert}\n${setting.key}\n`);
  const file = join(folder, `${name}.conf`);
  writeFileSync(file, config(setting, ports, files));
  const log = join(folder, `${name}.log`);
  const child = start(true, path, args(file), openSync(log, "w"), env?.(folder));
  if (!(await reachable(ports.tls))) throw new Error(`${name} does not listen: ${readFileSync(log, "utf8")}`);
  return subjectOf(name, child, ports);
}
