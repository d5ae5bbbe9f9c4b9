import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CodeRangeSchema } from "../../../proto/gen/edgeway/v1/policy_pb.js";
import type { Form } from "../annotations.ts";

export type CodeRange = Exclude<MessageInitShape<typeof CodeRangeSchema>, { $typeName: string }>;

/** "200", "200,201", "200-299" and lists of these, within bounds. */
export function codeRanges(min: number, max: number): Form<CodeRange[]> {
  return {
    says: `codes and ranges of ${min} to ${max}, with commas between them`,
    read: (text) => {
      const ranges = text.split(",").map((part): CodeRange | undefined => {
        const [, first = "", last = first] = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(part.trim()) ?? [];
        const isWithin = first !== "" && Number(first) >= min && Number(first) <= Number(last) && Number(last) <= max;
        return isWithin ? { first: Number(first), last: Number(last) } : undefined;
      });
      return ranges.every((range) => range !== undefined) ? ranges : undefined;
    },
  };
}

/** Where gRPC methods are called: "/package.Service/Method". */
export function isMethodPath(path: string): boolean {
  return /^\/[^/]+\/[^/]+$/.test(path);
}
