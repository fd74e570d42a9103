import type { ServiceManager } from "../../host/ports/services.ts";
import { SERVICE_MARK } from "../../model/ownership.ts";

/**
 * What a root process that holds tunnels, routes and the packet filter never needs. Left open on purpose: /etc
 * (resolv.conf), /proc/sys (kernel settings), executable memory (V8), setpriv (engines), /dev/net/tun.
 */
const HARDENING = [
  "UMask=0077",
  "LimitCORE=0",
  "ProtectSystem=yes",
  "ProtectHome=read-only",
  "PrivateTmp=yes",
  "ProtectKernelModules=yes",
  "ProtectKernelLogs=yes",
  "ProtectHostname=yes",
  "DevicePolicy=closed",
  "DeviceAllow=/dev/net/tun rw",
  "LockPersonality=yes",
  "RestrictRealtime=yes",
  "RestrictSUIDSGID=yes",
  "SystemCallArchitectures=native",
  "UnsetEnvironment=NODE_OPTIONS LD_PRELOAD LD_LIBRARY_PATH",
];

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is written otherwise.
const CONTROL = /[\u0001-\u001f\u007f]/g;

/** The daemon; its end and its restart change nothing on the machine. Pure; systemd.unit(5), systemd.exec(5). */
export function renderDaemonUnit({ program, configFile }: ServiceManager, notify: boolean): string {
  const words = [...program, "daemon", "--foreground", ...(notify ? ["--notify"] : []), "-f", configFile];
  return unit([
    "[Unit]",
    "Description=awg: keeps the network path of this machine as declared",
    "Wants=awg-keeper.service",
    "After=awg-keeper.service awg-boot.service network.target",
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=simple",
    `ExecStart=${commandLine(words)}`,
    "Restart=always",
    "RestartSec=2",
    // A change under way ends in its new or its old state first.
    "TimeoutStopSec=90",
    // Engines and revert commands that it started are nobody else's to end.
    "KillMode=process",
    ...HARDENING,
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ]);
}

/** The keeper; what it started outlives it, so that the next one takes it over. Pure. */
export function renderKeeperUnit({ program, runDir }: ServiceManager): string {
  return unit([
    "[Unit]",
    "Description=awg: holds tunnels and the packet filter for the others",
    "After=awg-boot.service",
    "Before=awg.service",
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=simple",
    `ExecStart=${commandLine([...program, "keeper", "--stay", "--run-dir", runDir])}`,
    "Restart=always",
    "RestartSec=1",
    "KillMode=process",
    "OOMScoreAdjust=-900",
    ...HARDENING,
  ]);
}

/**
 * Loads the boot table before any network is up: one transaction of nft, its script inside the unit, so that no second
 * file can be missing. Nothing ends it but the first policy of awg's. Pure.
 *
 * @param script as `renderBootTable` gives it
 */
export function renderBootUnit(script: string): string {
  return unit([
    "[Unit]",
    "Description=awg: blocks the network until the policy stands",
    "DefaultDependencies=no",
    "After=systemd-modules-load.service local-fs.target",
    "Before=network-pre.target sysinit.target shutdown.target",
    "Wants=network-pre.target",
    "Conflicts=shutdown.target",
    "",
    "[Service]",
    "Type=oneshot",
    "RemainAfterExit=yes",
    "ExecStart=/usr/sbin/nft -f -",
    "StandardInput=data",
    ...script
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => `StandardInputText=${line.replaceAll("\\", "\\\\").replaceAll("%", "%%")}`),
    "",
    "[Install]",
    "WantedBy=sysinit.target",
  ]);
}

function unit(lines: readonly string[]): string {
  return `# ${SERVICE_MARK}\n${lines.join("\n")}\n`;
}

/**
 * Words as systemd reads them: quoted, with specifiers and variables taken literally (systemd.service(5)). A control
 * character, which may end the line, is written by its number (systemd.syntax(7)).
 */
function commandLine(words: readonly string[]): string {
  return words
    .map((word) => word.replaceAll("\\", "\\\\").replaceAll("%", "%%").replaceAll("$", "$$$$"))
    .map((word) => word.replaceAll(CONTROL, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, "0")}`))
    .map((word) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `"${word.replaceAll('"', '\\"')}"`))
    .join(" ");
}
