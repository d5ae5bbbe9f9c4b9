import { startJsonEdge } from "./edge.ts";
import { Agent, request } from "node:https";
const edge: any = await startJsonEdge();
for (let i = 0; i < 6; i++) { const t = performance.now(); const a = await edge.send("POST", "/helloworld.Greeter/SayHello", { headers: { "content-type": "application/json" }, body: '{"name":"Ada"}' }); console.log(a.status, (performance.now() - t).toFixed(1)); }
await edge.close(); process.exit(0);
