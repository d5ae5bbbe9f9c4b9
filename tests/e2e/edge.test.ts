/** What `edgeway dev` serves, seen from outside: real clients, the front, workerd with the Worker, kube-sync, origins. */
import { describe } from "vitest";
import { calls } from "./calls.ts";
import { flow } from "./flow.ts";
import { origins } from "./origins.ts";
import { routing } from "./routing.ts";
import { useEdge } from "./edge.ts";

useEdge();

describe("calls", calls);
describe("routing", routing);
describe("origins", origins);
describe("flow", flow);
