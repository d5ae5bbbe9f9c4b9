/** What `edgeway dev` serves, seen from outside: real clients, the front, workerd with the Worker, kube-sync, origins. */
import { describe } from "vitest";
import { bytes } from "./bytes.ts";
import { calls } from "./calls.ts";
import { useEdge } from "./edge.ts";
import { ends } from "./ends.ts";
import { flow } from "./flow.ts";
import { origins } from "./origins.ts";
import { routing } from "./routing.ts";

useEdge();

describe("calls", calls);
describe("routing", routing);
describe("origins", origins);
describe("flow", flow);
describe("ends", ends);
describe("bytes", bytes);
