import { expect, test } from "vitest";
import { statementsOf } from "./read-back.ts";

test("a text that holds one statement more is not the same, and what is no statement is refused", () => {
  const resolver = "# resolver/machine\nnameserver 192.0.2.1\nsearch corp.example";
  expect(statementsOf("resolver/machine", resolver)).toEqual(
    ["comment", "nameserver", "search"].map((is) => `resolver: ${is}`),
  );
  expect(statementsOf("resolver/machine", `${resolver}\nnameserver 192.0.2.2`)).toHaveLength(4);
  expect(() => statementsOf("resolver/machine", `${resolver}\noptions edns0`)).toThrow(/is no statement/);
  expect(() => statementsOf("link/a", "ip link set dev a alias awg:a; reboot mtu 1420 up")).toThrow(/is no statement/);
  expect(() => statementsOf("sysctl/machine", "sysctl -w net.ipv4.ip_forward=1 kernel.panic=1")).toThrow(
    /is no statement/,
  );
});

test("units and property lists are read by their own syntax", () => {
  const unit =
    "# /etc/systemd/system/awg.service\n[Unit]\nDescription=awg\n[Service]\nExecStart=/usr/local/bin/awg daemon";
  expect(statementsOf("service/daemon", unit)).toEqual([
    "[Unit]",
    "Unit.Description",
    "[Service]",
    "Service.ExecStart",
  ]);
  expect(() => statementsOf("service/daemon", `${unit} \\`)).toThrow(/no assignment/);
  expect(() => statementsOf("service/daemon", `${unit}\nreboot now`)).toThrow(/no assignment/);
  const plist =
    '<?xml version="1.0"?>\n<plist version="1.0"><dict><key>Label</key><string>a&amp;b</string><true/></dict></plist>\n';
  expect(statementsOf("service/daemon", plist)).toEqual(["<plist>", "<dict>", "<key>", "Label", "<string>", "<true>"]);
  for (const broken of [plist.replace("&amp;", "&"), plist.replace("</dict>", ""), plist.replace("a&amp;b", "<b")])
    expect(() => statementsOf("service/daemon", broken)).toThrow();
});
