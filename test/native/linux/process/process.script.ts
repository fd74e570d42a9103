// Runs inside a namespace of its own, as root: everything awg asks of the kernel about processes and descriptors.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AwgError } from "../../../../src/model/error.ts";
import { callLibc, closeDescriptor } from "../../../../src/native/linux/libc.ffi.ts";
import { encodeChain } from "../../../../src/native/linux/nftables/chain.codec.ts";
import { counter, verdict } from "../../../../src/native/linux/nftables/expression.ts";
import { joinMatches, matchIn } from "../../../../src/native/linux/nftables/match.ts";
import {
  commitNftChanges,
  openNetfilterSocket,
  readNftTable,
} from "../../../../src/native/linux/nftables/nft-netlink.ffi.ts";
import { encodeRule } from "../../../../src/native/linux/nftables/rule.codec.ts";
import { encodeTable } from "../../../../src/native/linux/nftables/table.codec.ts";
import { forbidDumps, isDumpable, withFilesystemUser } from "../../../../src/native/linux/process/credentials.ffi.ts";
import { tryLockFile, unlockFile } from "../../../../src/native/linux/process/file-lock.ffi.ts";
import {
  bindMount,
  detachMount,
  enterNetworkNamespace,
  mountFilesystem,
  readNamespaceInode,
  unshareMounts,
} from "../../../../src/native/linux/process/namespace.ffi.ts";
import { openProcess } from "../../../../src/native/linux/process/process-handle.ffi.ts";
import {
  makeSocketPair,
  readPeerCredentials,
  receiveDescriptors,
  sendDescriptors,
} from "../../../../src/native/linux/process/unix-socket.ffi.ts";
import { openRouteNetlink } from "../../../../src/native/linux/rtnetlink/route-netlink.ffi.ts";

const report: Record<string, unknown> = {};
const folder = mkdtempSync(join(tmpdir(), "awg-process-"));
const { other } = JSON.parse(readFileSync(0, "utf8")) as { other: string };

function refusal(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error instanceof AwgError ? { kind: error.kind, message: error.message } : String(error);
  }
  return "nothing was refused";
}

function passDescriptors(): void {
  const [left, right] = makeSocketPair();
  const file = join(folder, "passed");
  writeFileSync(file, "through the socket");
  const fds = [openSync(file, "r"), openSync(file, "r")];
  const long = new Uint8Array(3000).fill(7);
  sendDescriptors(left, long, fds, 1000);
  const got = receiveDescriptors(right, 4096, 1000);
  report["passed"] = { bytes: got.data.length, texts: got.descriptors.map((fd) => readFileSync(fd, "utf8")) };
  for (const fd of [...fds, ...got.descriptors]) closeSync(fd);
  callLibc("fcntl", right, 4, "int", 0o4000);
  report["nothingCame"] = refusal(() => receiveDescriptors(right, 10, 1));
  report["peer"] = readPeerCredentials(left);
  closeDescriptor(left);
  report["closed"] = receiveDescriptors(right, 10, 1000);
  report["gone"] = refusal(() => sendDescriptors(right, Uint8Array.of(1), [], 10));
  closeDescriptor(right);
}

function lockFiles(): void {
  const [first, second] = [openSync(join(folder, "lock"), "w"), openSync(join(folder, "lock"), "w")];
  const taken = [tryLockFile(first), tryLockFile(second)];
  unlockFile(first);
  report["locks"] = [...taken, tryLockFile(second)];
  closeSync(first);
  closeSync(second);
}

async function holdProcess(): Promise<void> {
  const child = spawn(process.execPath, ["-e", "process.stdout.write('up'); setInterval(() => {}, 1000)"]);
  await once(child.stdout, "data");
  using held = openProcess(child.pid ?? 0);
  const running = held?.isRunning();
  const exited = once(child, "exit");
  const killed = held?.signal(15);
  await exited;
  report["process"] = {
    running,
    killed,
    after: held?.isRunning(),
    again: held?.signal(15),
    none: openProcess(0x3ffffff) ?? null,
  };
}

function sendAs(uid: number | undefined): void {
  const make = () => callLibc("socket", 2, 2, 0);
  const socket = uid === undefined ? make() : withFilesystemUser(uid, uid, make);
  const to = Uint8Array.of(2, 0, 20, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
  callLibc("sendto", socket, Uint8Array.of(1), 1, 0, to, to.length);
  closeDescriptor(socket);
}

/** Sockets made under another uid carry it: the packet filter sees who made them. */
function countByUser(): void {
  using socket = openNetfilterSocket();
  const at = { family: "inet", table: "users" } as const;
  const base = { type: "filter", hook: "output", priority: 0, policy: "accept" } as const;
  const inet = matchIn("inet");
  const count = (uid: number) => ({
    action: `counting user ${uid}`,
    message: encodeRule({
      ...at,
      chain: "out",
      expressions: joinMatches(inet.ports("udp", "dport", 5120), inet.skuid(uid), [counter(), verdict("accept")]),
    }),
  });
  commitNftChanges(socket, [
    { action: "adding a table", message: encodeTable({ family: "inet", name: "users" }) },
    { action: "adding a chain", message: encodeChain({ ...at, name: "out", base }) },
    count(65534),
    count(0),
  ]);
  sendAs(65534);
  sendAs(65534);
  sendAs(undefined);
  report["perUser"] = readNftTable(socket, "inet", "users")?.rules.map(({ expressions }) => {
    const counted = expressions.find((one) => one.kind === "counter");
    return counted?.kind === "counter" ? Number(counted.packets) : -1;
  });
  const file = join(folder, "made");
  report["thrown"] = refusal(() => withFilesystemUser(65534, 65534, () => writeFileSync(file, "x", { flag: "wx" })));
  writeFileSync(file, "as root again");
  report["owner"] = statSync(file).uid;
}

function enterNamespaces(): void {
  const home = readNamespaceInode();
  report["inode"] = home === BigInt(fstatSync(openSync("/proc/self/ns/net", "r")).ino);
  unshareMounts();
  const [source, target] = [join(folder, "source"), join(folder, "target")];
  writeFileSync(source, "from below");
  writeFileSync(target, "on top");
  bindMount(source, target);
  const bound = readFileSync(target, "utf8");
  detachMount(target);
  report["bound"] = [bound, readFileSync(target, "utf8")];
  report["mountRefused"] = refusal(() => mountFilesystem("no-such-type", folder));
  enterNetworkNamespace(`/run/netns/${other}`);
  using net = openRouteNetlink();
  report["entered"] = { links: net.links().map(({ name }) => name), moved: readNamespaceInode() !== home };
  report["noNamespace"] = refusal(() => enterNetworkNamespace("/run/netns/there-is-none"));
  report["wrongFile"] = refusal(() => enterNetworkNamespace("/etc/hostname"));
  report["noProcess"] = refusal(() => readNamespaceInode(0x3ffffff));
}

try {
  passDescriptors();
  lockFiles();
  await holdProcess();
  const dumpable = isDumpable();
  forbidDumps();
  report["dumpable"] = [dumpable, isDumpable()];
  countByUser();
  enterNamespaces();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(JSON.stringify(report));
