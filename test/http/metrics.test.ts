import { expect, test } from "vitest";
import { type MeasuredStatus, renderMetrics } from "../../src/http/metrics.ts";

test("metrics are OpenMetrics text, and name no endpoint", () => {
  const peer = { publicKey: "mWB0J2xxxxSECRETxxx=", handshakeAgeSeconds: 12, receivedBytes: 5, sentBytes: 7 };
  const counts = { applies: 1, repairs: 2, failures: 3, fights: 4, filterRestored: 5 };
  const status: MeasuredStatus = {
    generation: 3,
    conditions: [{ type: "Protected", status: true }],
    fallback: [
      { tunnel: "office", to: "direct", rules: ["default"] },
      { tunnel: "office", to: "home", rules: [] },
    ],
    resources: [
      {
        key: "tunnel/office",
        ready: true,
        drift: [],
        tunnel: { peers: [peer, { ...peer, handshakeAgeSeconds: null }] },
      },
      {
        key: "firewall/policy",
        ready: true,
        drift: [],
        droppedPackets: 9,
        droppedByRule: [
          { rule: 'rules/0 (the "old" mail)', packets: 4 },
          { rule: "rules/3", packets: 0 },
          { rule: "rules/5 (default)", packets: 2 },
          { rule: "default", packets: 1 },
        ],
      },
    ],
  };
  expect(renderMetrics(status, counts)).toMatchInlineSnapshot(`
    "# TYPE awg_daemon_up gauge
    # HELP awg_daemon_up Whether the daemon answers.
    awg_daemon_up 1
    # TYPE awg_generation gauge
    # HELP awg_generation The accepted generation.
    awg_generation 3
    # TYPE awg_condition gauge
    # HELP awg_condition Conditions of the host: 1 where it holds.
    awg_condition{condition="Protected"} 1
    # TYPE awg_resource_ready gauge
    # HELP awg_resource_ready Whether the resource is as applied and works.
    awg_resource_ready{resource="tunnel/office"} 1
    awg_resource_ready{resource="firewall/policy"} 1
    # TYPE awg_resource_drift_fields gauge
    # HELP awg_resource_drift_fields Fields that others changed.
    awg_resource_drift_fields{resource="tunnel/office"} 0
    awg_resource_drift_fields{resource="firewall/policy"} 0
    # TYPE awg_firewall_dropped_packets counter
    # HELP awg_firewall_dropped_packets Refused by the packet filter since it was loaded.
    awg_firewall_dropped_packets_total 9
    # TYPE awg_rule_dropped_packets counter
    # HELP awg_rule_dropped_packets Refused by a blocking rule since the packet filter was loaded; a load begins at 0.
    awg_rule_dropped_packets_total{rule="the \\"old\\" mail"} 4
    awg_rule_dropped_packets_total{rule="rules/3"} 0
    awg_rule_dropped_packets_total{rule="default"} 3
    # TYPE awg_tunnel_up gauge
    # HELP awg_tunnel_up Whether a peer of the tunnel answers.
    awg_tunnel_up{tunnel="office"} 1
    # TYPE awg_tunnel_fallback gauge
    # HELP awg_tunnel_fallback 1 while traffic of the tunnel goes by another tunnel, or direct.
    awg_tunnel_fallback{tunnel="office",to="direct"} 1
    # TYPE awg_peer_handshake_age_seconds gauge
    # HELP awg_peer_handshake_age_seconds Since the last handshake.
    awg_peer_handshake_age_seconds{tunnel="office",peer="mWB0J2xx"} 12
    # TYPE awg_peer_received_bytes counter
    # HELP awg_peer_received_bytes Received from the peer.
    awg_peer_received_bytes_total{tunnel="office",peer="mWB0J2xx"} 5
    awg_peer_received_bytes_total{tunnel="office",peer="mWB0J2xx"} 5
    # TYPE awg_peer_sent_bytes counter
    # HELP awg_peer_sent_bytes Sent to the peer.
    awg_peer_sent_bytes_total{tunnel="office",peer="mWB0J2xx"} 7
    awg_peer_sent_bytes_total{tunnel="office",peer="mWB0J2xx"} 7
    # TYPE awg_daemon_changes counter
    # HELP awg_daemon_changes Changes of the host by this daemon.
    awg_daemon_changes_total{kind="apply"} 1
    awg_daemon_changes_total{kind="repair"} 2
    # TYPE awg_daemon_failures counter
    # HELP awg_daemon_failures Changes that failed.
    awg_daemon_failures_total 3
    # TYPE awg_daemon_fights counter
    # HELP awg_daemon_fights Resources that another program kept changing.
    awg_daemon_fights_total 4
    # TYPE awg_firewall_restored counter
    # HELP awg_firewall_restored Times that the packet filter was loaded again.
    awg_firewall_restored_total 5
    # EOF
    "
  `);
});

test("without a daemon they say so", () => {
  expect(renderMetrics(null)).toBe(
    "# TYPE awg_daemon_up gauge\n# HELP awg_daemon_up Whether the daemon answers.\nawg_daemon_up 0\n# EOF\n",
  );
});
