import type { Endpoint } from "../../config/field/endpoint.ts";
import type { ServiceManager } from "../../host/ports/services.ts";
import { ADMIN_GROUP, SERVICE_MARK, VIEWER_GROUP } from "../../model/ownership.ts";
import { daemonCommand, SMALL_HEAP, withNodeOptions } from "./node-options.ts";

/**
 * What a root process with tunnels, routes and packet filter never needs. Allowed on purpose: /etc (resolv.conf),
 * /proc/sys (kernel settings), executable memory (V8), setpriv (engines), /dev/net/tun.
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

/**
 * The most that daemon, keeper and their children ever hold, each with its use; `bounding-set.linux.test.ts` runs the
 * examples under exactly these.
 */
export const CAPABILITIES: readonly string[] = [
  // Devices, routes, packet filter, socket marks; raw sockets of probes; tunnels that listen below port 1024.
  ...["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_NET_BIND_SERVICE"],
  // BPF programs, and mounts and network namespaces.
  "CAP_SYS_ADMIN",
  // Which program holds a socket or writes a change, and descriptors of an earlier keeper's engines.
  "CAP_SYS_PTRACE",
  // Engines and notifications run as other users, with fewer rights, and are ended.
  ...["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL"],
  // Keys and resolv.conf of other users; their owner and mode are kept when they are replaced.
  ...["CAP_DAC_OVERRIDE", "CAP_CHOWN", "CAP_FOWNER"],
];

const CONFINED = [
  `CapabilityBoundingSet=${CAPABILITIES.join(" ")}`,
  "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
  "ProtectClock=yes",
];

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is written otherwise.
const CONTROL = /[\u0001-\u001f\u007f]/g;

/** The daemon; stopping or restarting it changes nothing on the host. Pure; systemd.unit(5), systemd.exec(5). */
export function renderDaemonUnit(manager: ServiceManager, notify: boolean): string {
  const words = daemonCommand(manager, notify);
  return unit([
    "[Unit]",
    "Description=awg: keeps the network path of this host as declared",
    "Wants=awg-keeper.service",
    "After=awg-keeper.service awg-boot.service network.target",
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=notify",
    `ExecStart=${commandLine(words)}`,
    "ExecReload=kill -HUP $MAINPID",
    // Fed by the daemon while its loop goes on; a restart changes nothing on the host.
    "WatchdogSec=30",
    "Restart=always",
    "RestartSec=2",
    // A running change first ends in its new or old state.
    "TimeoutStopSec=90",
    // Engines and revert commands that it started must outlive it.
    "KillMode=process",
    ...HARDENING,
    ...CONFINED,
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ]);
}

/** The keeper; its engines outlive it, and the next keeper takes them over. Pure. */
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
    ...CONFINED,
  ]);
}

/**
 * Loads the boot table before any network is up: one nft transaction, with the script inside the unit, so that no
 * second file can be missing. Only awg's first policy removes it. Pure.
 *
 * @param script as `renderBootTable` returns it
 */
export function renderBootUnit(script: string): string {
  return unit([
    "[Unit]",
    "Description=awg: blocks the network until the policy is loaded",
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

/**
 * The API, started by its socket; it ends when no client came for ten minutes. Its verbs need the daemon's rights. Pure.
 *
 * @param group its members may use it
 */
export function renderApiUnit({ program }: ServiceManager, group = ADMIN_GROUP): string {
  const words = [
    ...withNodeOptions(program, SMALL_HEAP),
    "api",
    "--idle",
    "10m",
    ...(group === ADMIN_GROUP ? [] : ["--group", group]),
  ];
  return unit([
    "[Unit]",
    "Description=awg: answers the API",
    "Requires=awg-api.socket",
    "After=awg-api.socket",
    "",
    "[Service]",
    "Type=simple",
    `ExecStart=${commandLine(words)}`,
    // A running change goes on to its new or old state.
    "KillMode=process",
    "CPUWeight=20",
    "MemoryMax=512M",
    ...HARDENING,
    ...CONFINED,
  ]);
}

/** The API's socket: root and the group may connect. Pure; systemd.socket(5). */
export function renderApiSocket({ runDir }: ServiceManager, group = ADMIN_GROUP): string {
  const path = `${runDir}/awg.sock`;
  return unit([
    "[Unit]",
    "Description=awg: the socket of the API",
    "",
    "[Socket]",
    `ListenStream=${path}`,
    "SocketMode=0660",
    "DirectoryMode=0711",
    // SocketGroup= would fail where the group does not exist; then root alone may connect.
    `ExecStartPost=-chgrp ${commandLine([group, path])}`,
    "RemoveOnStop=yes",
    "",
    "[Install]",
    "WantedBy=sockets.target",
  ]);
}

/**
 * The API over HTTP on loopback for viewers, by `api.http`. It has no rights but those of group awg-viewer, which may read
 * its token, too. Pure.
 */
export function renderGatewayUnit({ program }: ServiceManager, { host, port }: Endpoint): string {
  const listen = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return unit([
    "[Unit]",
    "Description=awg: answers viewers over HTTP on loopback",
    "After=awg.service",
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=simple",
    `ExecStart=${commandLine([...withNodeOptions(program, SMALL_HEAP), "gateway", "--listen", listen])}`,
    "Restart=always",
    "RestartSec=2",
    "DynamicUser=yes",
    `Group=${VIEWER_GROUP}`,
    "RuntimeDirectory=awg-gateway",
    "RuntimeDirectoryMode=0750",
    "CPUWeight=20",
    "MemoryMax=192M",
    ...WITHOUT_RIGHTS,
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ]);
}

/** For a process that opens two kinds of sockets and one file. V8 needs executable memory. */
const WITHOUT_RIGHTS = [
  ...HARDENING.filter((line) => !/^(UMask|ProtectSystem|ProtectHome|DeviceAllow)=/.test(line)),
  "UMask=0027",
  "CapabilityBoundingSet=",
  "AmbientCapabilities=",
  "NoNewPrivileges=yes",
  "ProtectSystem=strict",
  "ProtectHome=read-only",
  "PrivateDevices=yes",
  "PrivateUsers=yes",
  "ProtectControlGroups=yes",
  "ProtectKernelTunables=yes",
  "ProtectClock=yes",
  "ProtectProc=invisible",
  "ProcSubset=pid",
  "RestrictNamespaces=yes",
  "RemoveIPC=yes",
  "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
  "IPAddressDeny=any",
  "IPAddressAllow=localhost",
  "SystemCallFilter=@system-service",
  "SystemCallFilter=~@privileged @resources",
  "SystemCallErrorNumber=EPERM",
];

function unit(lines: readonly string[]): string {
  return `# ${SERVICE_MARK}\n${lines.join("\n")}\n`;
}

/**
 * Words quoted for systemd, without specifiers and variables (systemd.service(5)). A control character, which could end
 * the line, is written by its number (systemd.syntax(7)).
 */
function commandLine(words: readonly string[]): string {
  return words
    .map((word) => word.replaceAll("\\", "\\\\").replaceAll("%", "%%").replaceAll("$", "$$$$"))
    .map((word) => word.replaceAll(CONTROL, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, "0")}`))
    .map((word) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `"${word.replaceAll('"', '\\"')}"`))
    .join(" ");
}
