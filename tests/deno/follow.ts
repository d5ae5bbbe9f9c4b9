/** Two authorities over one Deno KV: prints, in JSON, how the second has learned of what the first was told. */
import { create } from "@bufbuild/protobuf";
import { PushRequestSchema } from "../../proto/gen/edgeway/v1/sync_pb.js";
import { ClusterTableSchema } from "../../proto/gen/edgeway/v1/table_pb.js";
import { KvAuthority } from "../../worker/host/deno-kv-authority.ts";

let now = 1_000_000;
const kv = await Deno.openKv!(":memory:");
const changed = Promise.withResolvers<void>();
const common = { now: () => now, staleMs: 300_000, log: console.error };
const first = await KvAuthority.open(kv, common);
const second = await KvAuthority.open(kv, { ...common, onChange: () => changed.resolve() });
const whole = create(ClusterTableSchema, { cluster: "one" });
const request = () => create(PushRequestSchema, { update: { case: "whole", value: whole } });

const began = performance.now();
const pushed = await first.push(request());
await changed.promise;
const followedMs = performance.now() - began;

// The agent reports to the first alone, for longer than the second waits for a report.
const lastResorts: boolean[] = [];
for (let minute = 0; minute < 8; minute++) {
  now += 60_000;
  await first.report("one");
  await new Promise((resolve) => setTimeout(resolve, 50)); // what it is about has no event of its own
  lastResorts.push(second.status()[0]!.lastResort);
}

// Both at once: none is lost, and each has a revision of its own.
const others = ["two", "three", "four", "five"].map((cluster, index) => {
  const value = create(ClusterTableSchema, { cluster });
  const authority = index % 2 === 0 ? first : second;
  return authority.push(create(PushRequestSchema, { update: { case: "whole", value } }));
});
const revisions = [pushed, ...(await Promise.all(others))].map(({ revision }) => String(revision));

// From now on nobody is heard but "five", by the first alone: the second takes its table each time.
const silent: boolean[] = [];
for (let minute = 0; minute < 7; minute++) {
  now += 60_000;
  const value = create(ClusterTableSchema, { cluster: "five", lastResort: minute % 2 === 0 });
  // oxlint-disable-next-line no-await-in-loop -- one after the other
  await first.push(create(PushRequestSchema, { update: { case: "whole", value } }));
  // oxlint-disable-next-line no-await-in-loop
  await second.push(create(PushRequestSchema, { update: { case: "whole", value } }));
  silent.push(second.status().find(({ cluster }) => cluster === "one")!.lastResort);
}
console.log(JSON.stringify({ followedMs, lastResorts, revisions, silent }));
first.close();
process.exit(0);
