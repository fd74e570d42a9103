import { expect, test } from "vitest";
import { conflictsAmong } from "../../../src/app/install/conflicting-services.ts";

test.each([
  ["wg-quick@wg0.service", "wg-quick"],
  ["awg-quick@awg0.service", "awg-quick"],
  ["openvpn-client@office.service", "OpenVPN"],
  ["tailscaled.service", "Tailscale"],
  ["mullvad-daemon.service", "Mullvad VPN"],
  ["AmneziaVPN.service", "Amnezia VPN"],
  ["strongswan-starter.service", "IPsec"],
  ["openvpn-server@office.service", undefined],
  ["ssh.service", undefined],
  ["awg.service", undefined],
])("%s belongs to %s", (unit, program) => {
  expect(conflictsAmong([unit]).map((one) => one.program)).toEqual(program === undefined ? [] : [program]);
});
