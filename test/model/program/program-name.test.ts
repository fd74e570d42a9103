import { expect, test } from "vitest";
import { programName } from "../../../src/model/program/program-name.ts";

const ESC = "\u001b";

test.each([
  ["its file", "systemd-network", "/usr/lib/systemd/systemd-networkd", [], "systemd-networkd"],
  ["its file, whatever it calls itself", "MainThread", "/opt/bin/tool", ["nice title"], "tool"],
  [
    "Node's script",
    "MainThread",
    "/usr/bin/node",
    ["node", "/srv/app/server.mjs", "--token", "s3cret"],
    "node server.mjs",
  ],
  [
    "the script behind options",
    "MainThread",
    "/usr/bin/node",
    ["node", "--disable-sigusr1", "/x/awg.cjs", "k"],
    "node awg.cjs",
  ],
  [
    "Python's script without an ending",
    "fail2ban-server",
    "/usr/bin/python3.13",
    ["python3", "/usr/bin/fail2ban-server"],
    "python3.13 fail2ban-server",
  ],
  ["a shell's script", "up.sh", "/usr/bin/dash", ["/bin/sh", "./up.sh", "key"], "dash up.sh"],
  ["an archive", "java", "/usr/lib/jvm/bin/java", ["java", "-Dpassword=s3cret", "-jar", "/srv/x.jar"], "java x.jar"],
  ["Node without a script", "MainThread", "/usr/bin/node", ["node"], "node"],
  ["a title of its own", "awg engine awg0", "/usr/bin/node", ["awg engine awg0"], "awg engine awg0"],
  ["no file to be seen", "sshd", undefined, ["sshd: s3cret"], "sshd"],
  ["a thread of the kernel", "kworker/0:1", null, undefined, "kworker/0:1"],
])("a process is known by %s", (_what, name, path, commandLine, known) => {
  const program = {
    name,
    ...(path === undefined ? {} : { path }),
    ...(commandLine === undefined ? {} : { commandLine }),
  };
  expect(programName(program)).toBe(known);
});

test.each([
  ["python3", "/usr/bin/python3", ["python3", "-c", "s3cret.py"]],
  ["python3", "/usr/bin/python3", ["python3", "-Ic", "s3cret.py"]],
  ["python3", "/usr/bin/python3", ["python3", "-X", "s3cret", "/x/a.py"]],
  ["bash", "/usr/bin/bash", ["bash", "-ec", "curl -H s3cret x.sh"]],
  ["bash", "/usr/bin/bash", ["bash", "curl -H s3cret"]],
  ["MainThread", "/usr/bin/node", ["node", "--eval", "s3cret.js"]],
  ["MainThread", "/usr/bin/node", ["node", "--conditions", "s3cret", "/x/a.js"]],
  ["MainThread", "/usr/bin/node", ["node", "-pe", "s3cret.js"]],
  ["perl", "/usr/bin/perl", ["perl", "-lane", "s3cret.pl"]],
  ["nginx", "/usr/sbin/nginx", ["nginx: s3cret"]],
])("no argument that is no script is told: %s %j", (name, path, commandLine) => {
  expect(programName({ name, path, commandLine })).toBe(path.slice(path.lastIndexOf("/") + 1));
});

test("a hostile name is one line of characters that no terminal acts on, and no longer than 64", () => {
  expect(programName({ name: `a${ESC}[2J\nb` })).toBe("a\\u001b[2J\\u000ab");
  expect(programName({ name: "x", path: `/tmp/${ESC}]0;x\u202e` })).toBe("\\u001b]0;x\\u202e");
  expect(programName({ name: "node", path: "/bin/node", commandLine: ["node", `/tmp/${ESC}[2J.js`] })).toBe("node");
  expect(programName({ name: "x", path: `/tmp/${"y".repeat(255)}` })).toBe(`${"y".repeat(64)}…`);
});
