import { setTimeout as sleep } from "node:timers/promises";
import { listInOrder, type PlacedProgram, treeInOrder } from "../../../app/top/order.ts";
import { ratesBetween } from "../../../app/top/rates.ts";
import { takeSample } from "../../../app/top/sample.ts";
import type { TopReport } from "../../../app/top/top-report.ts";
import { TOP_SORTS, type TopSort } from "../../../app/top/top-sorts.ts";
import { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import { openHostFor } from "../../open-host.ts";
import { flagOption, type RunVerb, textOption, timeOption, type VerbCall } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { styleFor } from "../../views/style.ts";
import { renderTop, topDocument } from "./top.view.ts";
import { untilStopped } from "./until-stopped.ts";

const DEFAULT_INTERVAL_MS = 2_000;
const LEAST_INTERVAL_MS = 200;

/** Control sequences of every terminal since the VT100 (ECMA-48): the other screen, its first cell, all below it. */
const SCREEN = {
  begin: "\u001b[?1049h\u001b[?25l",
  again: "\u001b[H\u001b[J",
  end: "\u001b[?25h\u001b[?1049l",
} as const;

/** What the keys choose. */
interface Choice {
  sort: TopSort;
  isTree: boolean;
}

const SORT_OF_KEY: Readonly<Record<string, TopSort>> = {
  r: "rate",
  i: "received",
  o: "sent",
  c: "connections",
  p: "pid",
  n: "name",
};

/** `awg top`: rates of tunnels and programs until Ctrl-C or q, or once. Reads only. */
export const run: RunVerb = async (call) => {
  const sort = TOP_SORTS.find((one) => one === textOption(call, "sort")) ?? "rate";
  const choice: Choice = { sort, isTree: flagOption(call, "tree") };
  const intervalMs = timeOption(call, "interval", { flag: "--interval", zero: "is too short" }) ?? DEFAULT_INTERVAL_MS;
  if (intervalMs < LEAST_INTERVAL_MS) {
    throw new AwgError("usage", "--interval is too short", { remedy: "write 0.2 (seconds) or more" });
  }
  await using host = await openHostFor(call);
  const isOnce = flagOption(call, "once");
  const isLive = !isOnce && !flagOption(call, "json") && process.stdout.isTTY === true;
  const stopped = untilStopped();
  using screen = isLive ? openScreen(choice) : undefined;
  const signal = screen === undefined ? stopped : AbortSignal.any([stopped, screen.quit]);
  let before = await takeSample(host.parts, undefined);
  for (;;) {
    await pause(intervalMs, signal);
    if (signal.aborted) break;
    const now = await takeSample(host.parts, undefined);
    const report = ratesBetween(before, now);
    before = now;
    screen?.show(() => print(call, report, choice));
    if (screen === undefined) print(call, report, choice);
    if (isOnce) break;
  }
  return EXIT.success;
};

function print(call: VerbCall, report: TopReport, { sort, isTree }: Choice): void {
  const { terminal } = call;
  const placed: readonly PlacedProgram[] = (isTree ? treeInOrder : listInOrder)(report.programs, sort);
  if (flagOption(call, "json")) {
    printDocument(terminal, "top", topDocument(report, placed));
    return;
  }
  const rows = flagOption(call, "once") || !process.stdout.isTTY ? {} : { rows: process.stdout.rows };
  const showsConnections = flagOption(call, "connections");
  const style = styleFor(terminal.colorOut);
  terminal.out(renderTop(report, placed, { style, columns: terminal.columns, ...rows, showsConnections, sort }));
}

/** A screen that is drawn again for each report and each key, and leaves the terminal as it was. */
function openScreen(choice: Choice): Disposable & { readonly quit: AbortSignal; show: (draw: () => void) => void } {
  const { stdin, stdout } = process;
  const quit = new AbortController();
  let draw = (): void => {};
  const redraw = (): void => {
    stdout.write(SCREEN.again);
    draw();
  };
  const onKeys = (keys: Buffer): void => {
    for (const key of keys.toString("latin1")) {
      // In raw mode the terminal sends Ctrl-C as a character.
      if (key === "q" || key === "\u0003") quit.abort();
      else if (key === "t") choice.isTree = !choice.isTree;
      else choice.sort = SORT_OF_KEY[key] ?? choice.sort;
    }
    if (!quit.signal.aborted) redraw();
  };
  const isAttended = stdin.isTTY === true;
  if (isAttended) stdin.setRawMode(true).on("data", onKeys);
  stdout.write(SCREEN.begin);
  stdout.on("resize", redraw);
  return {
    quit: quit.signal,
    show: (next) => {
      draw = next;
      redraw();
    },
    [Symbol.dispose]: () => {
      stdout.off("resize", redraw).write(SCREEN.end);
      if (isAttended) stdin.off("data", onKeys).setRawMode(false).pause();
    },
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
