import { expect, test } from "vitest";
import { listInOrder, treeInOrder } from "../../../src/app/top/order.ts";
import type { TopReport } from "../../../src/app/top/top-report.ts";
import { renderTop, shortNumber } from "../../../src/cli/verbs/live/top.view.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import { traffic } from "../../app/top/programs.ts";

const REPORT: TopReport = {
  seconds: 2,
  tunnels: [
    { name: "office", receivedBytes: 9_000_000, sentBytes: 1, receivedPerSecond: 1_234_567, sentPerSecond: 98_765 },
  ],
  programs: [
    traffic(1, 0, 0, "systemd"),
    traffic(4_194_303, 1, 2_400_000, "a-program-with-a-name-that-is-longer-than-the-column-has-room-for"),
    traffic(812, 1, 900, "sshd"),
  ],
  unseen: ["the sockets of 3 processes of other users"],
};
const view = { style: styleFor(false), columns: 80, showsConnections: false, sort: "rate" };

test("a list in 80 columns", () => {
  expect(renderTop(REPORT, listInOrder(REPORT.programs, "rate"), view)).toMatchInlineSnapshot(`
    "bytes a second, over 2.0 s, by rate
                 IN     OUT TUNNEL
               1.2M     99k office
        PID      IN     OUT  TCP  UDP VIA        PROGRAM
    4194303    1.2M    1.2M    1    0 -          a-program-with-a-name-that-is-long…
        812     450     450    1    0 -          sshd
    not counted: UDP by program (QUIC, DNS); the kernel counts no bytes of it
    not seen: the sockets of 3 processes of other users"
  `);
});

test("a tree with its connections", () => {
  const placed = treeInOrder(REPORT.programs, "rate");
  expect(renderTop(REPORT, placed, { ...view, showsConnections: true })).toMatchInlineSnapshot(`
    "bytes a second, over 2.0 s, by rate
                 IN     OUT TUNNEL
               1.2M     99k office
        PID      IN     OUT  TCP  UDP VIA        PROGRAM
          1       0       0    0    0 -          systemd
    4194303    1.2M    1.2M    1    0 -            a-program-with-a-name-that-is-lo…
               1.2M    1.2M           → 198.51.100.7:443
        812     450     450    1    0 -            sshd
                450     450           → 198.51.100.7:443
    not counted: UDP by program (QUIC, DNS); the kernel counts no bytes of it
    not seen: the sockets of 3 processes of other users"
  `);
});

test("the list ends with the terminal, and says how much is left", () => {
  const text = renderTop(REPORT, treeInOrder(REPORT.programs, "rate"), { ...view, showsConnections: true, rows: 10 });
  expect(text.split("\n").length).toBeLessThan(10);
  expect(text).toContain("3 lines more");
});

test.each([
  [0, "0"],
  [999, "999"],
  [999.6, "1.0k"],
  [1_000, "1.0k"],
  [9_949, "9.9k"],
  [9_951, "10k"],
  [999_499, "999k"],
  [999_600, "1.0M"],
  [25e9, "25G"],
])("%s is %s", (value, text) => {
  expect(shortNumber(value)).toBe(text);
});

test("a name with control characters stays a name", () => {
  const hostile = { ...REPORT, programs: [traffic(3, 1, 10, "x\u001b[2Jy")] };
  expect(renderTop(hostile, listInOrder(hostile.programs, "rate"), view)).not.toContain("\u001b");
});
