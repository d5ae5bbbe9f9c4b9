/** Conditions as Kubernetes has them, but for the time of the last change, which whoever writes them adds. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  /** The generation of the object that this is about. */
  readonly observedGeneration: number;
}

export interface ListenerStatus {
  readonly name: string;
  readonly attachedRoutes: number;
  readonly supportedKinds: readonly { readonly group: string; readonly kind: string }[];
  readonly conditions: readonly Condition[];
}

export interface ParentStatus {
  /** As the route's spec has it. */
  readonly parentRef: Readonly<Record<string, string | number>>;
  readonly controllerName: string;
  readonly conditions: readonly Condition[];
}

export interface AncestorStatus {
  readonly ancestorRef: Readonly<Record<string, string>>;
  readonly controllerName: string;
  readonly conditions: readonly Condition[];
}

/** What `status` of one object should say; fields that its kind does not have are absent. */
export interface ObjectStatus {
  readonly kind: "GatewayClass" | "Gateway" | "HTTPRoute" | "GRPCRoute" | "BackendTLSPolicy";
  readonly namespace: string;
  readonly name: string;
  readonly conditions?: readonly Condition[];
  readonly listeners?: readonly ListenerStatus[];
  readonly parents?: readonly ParentStatus[];
  readonly ancestors?: readonly AncestorStatus[];
}

/** Makes the conditions of one object, each "True" without further reason having its type for one. */
export function conditionsOf(observedGeneration: number) {
  const make = (type: string, status: Condition["status"], reason: string, message: string): Condition => ({
    type,
    status,
    reason,
    message,
    observedGeneration,
  });
  return {
    yes: (type: string, message = "", reason: string = type) => make(type, "True", reason, message),
    no: (type: string, reason: string, message: string) => make(type, "False", reason, message),
    pending: () => make("Programmed", "Unknown", "Pending", "waiting for the edge to serve it"),
  };
}

/** The condition once the edge serves the table that it was translated with; others stay as they are. */
export function programmed(condition: Condition, revision: bigint): Condition {
  if (condition.type !== "Programmed" || condition.reason !== "Pending") return condition;
  return {
    ...condition,
    status: "True",
    reason: "Programmed",
    message: `the edge serves it as of revision ${revision}`,
  };
}
