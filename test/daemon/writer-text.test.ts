import { describe, expect, test } from "vitest";
import { writerKind, writerText } from "../../src/daemon/writer-text.ts";
import type { Writer } from "../../src/host/ports/network-events.ts";

const ip = { pid: 23_623, program: "ip" };

describe("who changed something", () => {
  test.each<[Writer, string]>([
    [ip, "ip (process 23623)"],
    [{ ...ip, parent: { pid: 812, program: "sh" } }, "ip (process 23623), child of sh (process 812)"],
    [{ ...ip, unit: "NetworkManager.service" }, "ip (process 23623), of NetworkManager.service"],
    [{ pid: 5, program: "systemd-network", unit: "systemd-networkd.service" }, "systemd-network (process 5)"],
    [{ port: 7, unnamed: "closed" }, "a program that has closed its netlink socket (port 7, as a rule its pid)"],
    [{ port: 7, unnamed: "unseen" }, "a program that cannot be seen from here (netlink port 7)"],
    [{ port: 7, unnamed: "shared" }, "one of the programs that share a netlink socket (port 7)"],
  ])("%j", (writer, text) => {
    expect(writerText(writer)).toBe(text);
  });

  test("writes no line of the log itself, whatever it calls itself", () => {
    const program = "x\nin sync\u001b[2J";
    const text = writerText({ pid: 1, program, parent: { pid: 2, program } });
    expect(text).toBe("x\\u000ain sync\\u001b[2J (process 1), child of x\\u000ain sync\\u001b[2J (process 2)");
  });

  test("is of one kind with the next process of its program, unit and parent", () => {
    const of = (pid: number, parent: string): Writer => ({
      pid,
      program: "ip",
      parent: { pid: pid - 1, program: parent },
    });
    expect(writerKind(of(5, "sh"))).toBe(writerKind(of(9, "sh")));
    expect(writerKind(of(5, "sh"))).not.toBe(writerKind(of(5, "bash")));
    expect(writerKind({ port: 5, unnamed: "closed" })).toBe(writerKind({ port: 6, unnamed: "closed" }));
    expect(writerKind({ port: 5, unnamed: "closed" })).not.toBe(writerKind({ port: 5, unnamed: "unseen" }));
  });
});
