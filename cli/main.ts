/** The edgeway command. */
import { devCommand } from "./dev/command.ts";
import { explainCommand } from "./explain/command.ts";
import { forgetCommand } from "./forget/command.ts";
import { routesCommand } from "./routes/command.ts";
import { serveCommand } from "./serve/command.ts";
import { version } from "../worker/observe/version.ts";
import { syncCommand } from "./sync/command.ts";
import { statusCommand } from "./status/command.ts";
import { UsageError } from "./usage.ts";
import { validateCommand } from "./validate/command.ts";

interface Command {
  /** One line. */
  readonly summary: string;
  readonly help: string;
  /** Resolves to the exit code. */
  run(args: readonly string[]): Promise<number>;
}

const commands: Readonly<Record<string, Command>> = {
  dev: devCommand,
  serve: serveCommand,
  sync: syncCommand,
  status: statusCommand,
  routes: routesCommand,
  explain: explainCommand,
  validate: validateCommand,
  forget: forgetCommand,
};

function help(): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`);
  return `Usage: edgeway COMMAND [OPTION]...

A gateway for gRPC that runs at the edge.

Commands:
${lines.join("\n")}

edgeway COMMAND --help tells a command's options, edgeway --version which one this is.`;
}

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    console.log(help());
    return 0;
  }
  if (name === "--version" || name === "-V") {
    console.log(version);
    return 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    console.error(`edgeway: there is no command ${JSON.stringify(name)}; edgeway --help lists them`);
    return 1;
  }
  if (args.includes("--help") || args.includes("-h")) {
    console.log(command.help);
    return 0;
  }
  try {
    return await command.run(args);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.error(`edgeway ${name}: ${message}${error instanceof UsageError ? `; see edgeway ${name} --help` : ""}`);
    return 1;
  }
}

process.exit(await main(process.argv.slice(2)));
