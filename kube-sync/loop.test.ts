import { expect, test } from "vitest";
import { FakeClock } from "./fake-clock.fixture.ts";
import { Loop } from "./loop.ts";

/** A loop whose runs are noted by time. `answers`: what each run resolves to; "done" when there are no more. */
function start(answers: (("done" | "retry") | Promise<"done" | "retry">)[] = [], random = () => 0.5) {
  const clock = new FakeClock();
  const runs: number[] = [];
  const loop = new Loop({
    clock,
    random,
    holdOffMs: 20,
    run: async () => {
      runs.push(clock.now());
      return (await answers.shift()) ?? "done";
    },
  });
  return { clock, runs, loop };
}

test("a burst of changes is one run, soon after the first", async () => {
  const { clock, runs, loop } = start();
  for (let i = 0; i < 5; i++) {
    loop.changed();
    await clock.pass(3);
  }
  expect(runs).toEqual([]);
  await clock.pass(1000);
  expect(runs).toEqual([20]);
});

test("while changes never end, it rests for as long as a run takes", async () => {
  const clock = new FakeClock();
  const runs: number[] = [];
  const run = () => {
    runs.push(clock.now());
    return new Promise<"done">((resolve) => clock.after(150, () => resolve("done")));
  };
  const loop = new Loop({ clock, random: () => 0.5, holdOffMs: 20, run });
  for (let i = 0; i < 100; i++) {
    loop.changed();
    await clock.pass(10);
  }
  expect(runs).toEqual([20, 320, 620, 920]);
  loop.close();
});

test("a change after a rest waits for the hold-off alone", async () => {
  const { clock, runs, loop } = start();
  loop.changed();
  await clock.pass(25);
  loop.changed();
  await clock.pass(1000);
  loop.changed();
  await clock.pass(1000);
  expect(runs).toEqual([20, 45, 1045]);
});

test("a change during a run leads to one more, never to two at once", async () => {
  const first = Promise.withResolvers<"done">();
  const { clock, runs, loop } = start([first.promise]);
  loop.changed();
  await clock.pass(20);
  loop.changed();
  loop.changed();
  await clock.pass(1000);
  expect(runs).toEqual([20]);
  first.resolve("done");
  await clock.pass(0);
  await clock.pass(1000);
  expect(runs).toHaveLength(2);
});

test("a failed run is tried again, each time after a longer while, up to ten seconds", async () => {
  const { clock, runs, loop } = start(
    Array.from({ length: 12 }, () => "retry" as const),
    () => 0.999_999,
  );
  loop.changed();
  await clock.pass(200_000);
  const waits = runs.slice(1).map((at, i) => Math.round(at - runs[i]!));
  expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000, 10_000, 10_000]);
});

test("agents that fail together do not all try again together", async () => {
  const { clock, runs, loop } = start(["retry", "retry"], () => 0.1);
  loop.changed();
  await clock.pass(1000);
  expect(runs).toEqual([20, 30, 50]);
});

test("a change does not wait for the next attempt, and success forgets the failures", async () => {
  const { clock, runs, loop } = start(["retry", "retry", "retry", "retry", "done", "retry"], () => 0.999_999);
  loop.changed();
  await clock.pass(720);
  expect(runs).toHaveLength(4);
  loop.changed();
  await clock.pass(20);
  expect(runs).toHaveLength(5);
  await clock.pass(5000);
  loop.changed();
  await clock.pass(20);
  expect(runs).toHaveLength(6);
  await clock.pass(100);
  expect(runs).toHaveLength(7);
});

test("nothing runs after closing", async () => {
  const { clock, runs, loop } = start(["retry"]);
  loop.changed();
  await clock.pass(20);
  loop.close();
  loop.changed();
  await clock.pass(10_000);
  expect(runs).toEqual([20]);
});
