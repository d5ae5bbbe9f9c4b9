/** How the Worker reaches a backend, on workerd: by what the backend's transport says, or a refusal that names another. */
import { type MessageInitShape, create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startWorkerd, type Workerd } from "../../cli/dev/workerd.ts";
import { serviceName } from "../../examples/services/echo.ts";
import { connectEdge, Pusher } from "../../kube-sync/push.ts";
