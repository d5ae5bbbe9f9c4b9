/** The examples' echo in a process of its own, to be killed: its name, address and port are the arguments. */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { echo } from "../../examples/services/echo.ts";
import { service } from "../../examples/services/protos.ts";
import { serviceName } from "../contract/clients.ts";

const [name, host, port] = process.argv.slice(2);
const server = new Server();
server.addService(service(serviceName), echo(name!, "resilience"));
server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
  if (error !== null) throw error;
  console.log(bound);
});
