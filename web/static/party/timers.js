// Waiting for an instant, to the millisecond and without burning the processor.

/** Timers of browsers come late by up to this, more so the longer they are: the last stretch is waited for anew. */
const COARSE_SECONDS = 0.03;
const CLOSE_SECONDS = 0.0005;

/**
 * Call `then` when `left()` (seconds, asked again each time: clocks are corrected meanwhile) is over; at once, and before this
 * returns, if it is already. Gives the function that calls it off.
 */
export function atInstant(left, then) {
  let timer = null;
  const step = () => {
    const seconds = left();
    if (seconds <= CLOSE_SECONDS) then();
    else timer = setTimeout(step, (seconds > COARSE_SECONDS * 1.5 ? seconds - COARSE_SECONDS : seconds) * 1000);
  };
  step();
  return () => clearTimeout(timer);
}
