/** Time as Workers have it. A timer belongs to the request, or to the object, that sets it. */
import { timerClock } from "./timer-clock.ts";

export const clock = timerClock(() => Date.now());
