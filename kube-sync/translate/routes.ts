import { create } from "@bufbuild/protobuf";
import type { Route } from "../../proto/gen/edgeway/v1/table_pb.js";
import { RouteSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import type { Context, RouteInit } from "./context.ts";
import { addPolicies } from "./route-policies.ts";

/** The table's route, with what its object asks for by annotation. */
export function makeRoute(context: Context, init: RouteInit): Route {
  return context.unit("message", init, targetsOf(init), (own) => {
    const route = create(RouteSchema, init);
    addPolicies(own, route, init.via);
    return route;
  });
}

/** The keys of the backends that a route refers to: they change when a port comes to be used in another way, too. */
function targetsOf({ rules = [] }: RouteInit): string[] {
  const keys: string[] = [];
  for (const { backends = [], filters = [] } of rules) {
    for (const { target } of backends) if (target?.case === "backend") keys.push(target.value ?? "");
    for (const { filter } of filters) {
      const mirror = filter?.case === "mirror" ? filter.value?.target : undefined;
      if (mirror?.case === "backend") keys.push(mirror.value ?? "");
    }
  }
  return keys;
}
