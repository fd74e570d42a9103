import type { PlacedProgram } from "../../../app/top/order.ts";
import type { ConnectionTraffic, TopReport } from "../../../app/top/top-report.ts";
import { printableLine } from "../../../model/text/printable.ts";
import type { DocumentOf } from "../../documents/documents.ts";
import type { Style } from "../../views/style.ts";

/** Traffic that no rate of a program has in it. */
export const NOT_COUNTED: readonly string[] = [
  "UDP by program (QUIC, DNS); the kernel counts no bytes of it",
  "connections within this host",
  "the last bytes of connections that end between two looks",
];

const PID_WIDTH = 7;
const RATE_WIDTH = 7;
const COUNT_WIDTH = 4;
const VIA_WIDTH = 10;
const UNITS = ["", "k", "M", "G", "T"] as const;

export interface TopView {
  readonly style: Style;
  readonly columns: number;
  /** Lines of the terminal; the list ends there. */
  readonly rows?: number;
  readonly showsConnections: boolean;
  /** How it is sorted, for the heading. */
  readonly sort: string;
}

/** The report as people read it, each line at most as wide as the terminal. */
export function renderTop(
  { tunnels, seconds, unseen }: TopReport,
  placed: readonly PlacedProgram[],
  { style, columns, rows = Number.POSITIVE_INFINITY, showsConnections, sort }: TopView,
): string {
  const cut = (text: string): string => (text.length <= columns ? text : `${text.slice(0, columns - 1)}…`);
  const numbers = (received: string, sent: string) => `${received.padStart(RATE_WIDTH)} ${sent.padStart(RATE_WIDTH)}`;
  const head = [
    style.bold(cut(`bytes a second, over ${seconds.toFixed(1)} s, by ${sort}`)),
    style.dim(cut(`${" ".repeat(PID_WIDTH)} ${numbers("IN", "OUT")} TUNNEL`)),
    ...tunnels.map(({ name, receivedPerSecond, sentPerSecond }) =>
      cut(
        `${" ".repeat(PID_WIDTH)} ${numbers(shortNumber(receivedPerSecond), shortNumber(sentPerSecond))} ${printableLine(name)}`,
      ),
    ),
    ...(tunnels.length === 0 ? [style.dim(`${" ".repeat(PID_WIDTH)} no tunnel is seen`)] : []),
    style.dim(
      cut(
        `${"PID".padStart(PID_WIDTH)} ${numbers("IN", "OUT")} ${"TCP".padStart(COUNT_WIDTH)} ${"UDP".padStart(COUNT_WIDTH)} ${"VIA".padEnd(VIA_WIDTH)} PROGRAM`,
      ),
    ),
  ];
  const foot = [
    ...NOT_COUNTED.slice(0, 1).map((what) => style.dim(cut(`not counted: ${what}`))),
    ...unseen.map((what) => style.yellow(cut(`not seen: ${printableLine(what)}`))),
  ];
  const list = placed.flatMap(({ program, depth }) => {
    const { line, receivedPerSecond, sentPerSecond, connections, udpSockets } = program;
    const count = (number: number): string => String(number).padStart(COUNT_WIDTH);
    const via = printableLine(line.rule?.via ?? "-").slice(0, VIA_WIDTH);
    const { pid } = line.program;
    const rates = numbers(shortNumber(receivedPerSecond), shortNumber(sentPerSecond));
    const name = `${"  ".repeat(depth)}${nameOf(line.program)}`;
    const text = `${String(pid).padStart(PID_WIDTH)} ${rates} ${count(connections.length)} ${count(udpSockets)} ${via.padEnd(VIA_WIDTH)} ${name}`;
    const each = showsConnections ? connections.map((one) => style.dim(cut(connectionText(one, numbers)))) : [];
    return [cut(text), ...each];
  });
  const room = Math.max(1, rows - head.length - foot.length - 1);
  const shown = list.slice(0, list.length > room ? room - 1 : room);
  const left = list.length - shown.length;
  return [...head, ...shown, ...(left > 0 ? [style.dim(`${left} lines more`)] : []), ...foot].join("\n");
}

/** A number of at most 5 characters: 999, 1.5k, 12k, 999k, 1.5M. */
export function shortNumber(value: number): string {
  let unit = 0;
  let rest = Math.round(value);
  for (; rest >= 999.5 && unit < UNITS.length - 1; unit += 1) rest /= 1000;
  const digits = unit > 0 && rest < 9.95 ? rest.toFixed(1) : rest.toFixed(0);
  return `${digits}${UNITS[unit]}`;
}

/** The report as a document. */
export function topDocument(
  { seconds, tunnels, unseen }: TopReport,
  placed: readonly PlacedProgram[],
): DocumentOf<"top"> {
  return {
    formatVersion: "1",
    seconds: Math.round(seconds * 1000) / 1000,
    tunnels,
    programs: placed.map(({ program: { line, receivedPerSecond, sentPerSecond, connections, udpSockets } }) => ({
      pid: line.program.pid,
      parentPid: line.program.parentPid,
      user: line.user ?? null,
      name: line.program.name,
      path: line.program.path ?? null,
      via: line.rule?.via ?? null,
      receivedPerSecond,
      sentPerSecond,
      connections: connections.map((one) => ({ ...one, local: endText(one.local), remote: endText(one.remote) })),
      udpSockets,
    })),
    notCounted: NOT_COUNTED,
    unseen,
  };
}

function connectionText(
  { remote, receivedPerSecond, sentPerSecond }: ConnectionTraffic,
  numbers: (received: string, sent: string) => string,
): string {
  const rates = numbers(shortNumber(receivedPerSecond), shortNumber(sentPerSecond));
  return `${" ".repeat(PID_WIDTH)} ${rates} ${" ".repeat(2 * COUNT_WIDTH + 1)} → ${endText(remote)}`;
}

function endText({ address, port }: ConnectionTraffic["remote"]): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The file's own name says more in a narrow column than the folders before it. */
function nameOf({ name, path }: PlacedProgram["program"]["line"]["program"]): string {
  return printableLine(path?.split("/").at(-1) || name);
}
