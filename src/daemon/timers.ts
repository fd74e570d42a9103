/** A timer of Node's, ended by disposing. */
export function setTimer(ms: number, onDue: () => void): Disposable {
  const timer = setTimeout(onDue, ms);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}

/** Calls `onDue` repeatedly; `ms` gives the length of each wait. */
export function repeat(ms: () => number, onDue: () => void): Disposable {
  let timer = setTimer(ms(), due);
  function due(): void {
    timer = setTimer(ms(), due);
    onDue();
  }
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() };
}
