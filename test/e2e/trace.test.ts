import { expect, test } from "vitest";
import { writesIn } from "./trace.ts";

const reads = [
  "7 sendto(3, [{nlmsg_len=40, nlmsg_type=RTM_GETROUTE, nlmsg_flags=NLM_F_REQUEST|NLM_F_DUMP, nlmsg_seq=1}], 40, 0, NULL, 0) = 40",
  "7 sendto(3, [{nlmsg_len=20, nlmsg_type=0xa10 /* NLMSG_??? */, nlmsg_flags=NLM_F_REQUEST}], 20, 0, NULL, 0) = 20",
  "7 sendto(3, [{nlmsg_len=20, nlmsg_type=NFNL_SUBSYS_NFTABLES<<8|NFT_MSG_GETRULE, nlmsg_flags=NLM_F_REQUEST}], 20, 0, NULL, 0) = 20",
  "7 sendto(22, [{nlmsg_len=40, nlmsg_type=0x14 /* NLMSG_??? */, nlmsg_flags=NLM_F_REQUEST|0x300, nlmsg_seq=1}], 40, 0, NULL, 0) = 40",
  '7 openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 5',
  '7 openat(AT_FDCWD, "/dev/null", O_RDWR|O_CLOEXEC) = 5',
  '7 openat(AT_FDCWD, "/run/awg/lock.4026532", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 5',
  '7 openat(AT_FDCWD, "/var/lib/awg/journal", O_WRONLY|O_CREAT, 0600) = -1 ENOENT (No such file or directory)',
  "7 recvmsg(3, {msg_iov=[{iov_base=[{nlmsg_len=120, nlmsg_type=RTM_NEWROUTE}]}]}, 0) = 120",
  '7 execve("/usr/bin/unshare", ["unshare", "--net", "/opt/node", "awg.cjs"], 0x7ffc0 /* 20 vars */) = 0',
  '7 execve("/opt/toolchain/bin/node", ["/opt/toolchain/bin/node", "awg.cjs"], 0x7ffc0 /* 20 vars */) = 0',
  '7 execve("/usr/sbin/nft", ["nft", "-f", "-"], 0x7ffc0 /* 20 vars */) = -1 ENOENT (No such file or directory)',
  '7 write(4, "get=1\\n\\n", 7) = 7',
];

const writes = [
  "7 sendto(3, [{nlmsg_len=40, nlmsg_type=RTM_NEWROUTE, nlmsg_flags=NLM_F_REQUEST}], 40, 0, NULL, 0) = 40",
  "7 sendto(3, [{nlmsg_len=40, nlmsg_type=0x19 /* NLMSG_??? */, nlmsg_flags=NLM_F_REQUEST}], 40, 0, NULL, 0) = 40",
  "7 sendmsg(3, {msg_iov=[{iov_base=[[{nlmsg_len=20, nlmsg_type=NFNL_MSG_BATCH_BEGIN}], [{nlmsg_len=36, nlmsg_type=NFNL_SUBSYS_NFTABLES<<8|NFT_MSG_NEWRULE}]]}]}, 0) = 76",
  "7 sendto(3, [{nlmsg_len=20, nlmsg_type=0xa06 /* NLMSG_??? */, nlmsg_flags=NLM_F_REQUEST}], 20, 0, NULL, 0) = 20",
  "7 sendto(3, [{nlmsg_len=20, nlmsg_type=0x102 /* NLMSG_??? */, nlmsg_flags=NLM_F_REQUEST}], 20, 0, NULL, 0) = 20",
  '7 execve("/usr/sbin/nft", ["nft", "-f", "-"], 0x7ffc0 /* 20 vars */) = 0',
  '7 execveat(AT_FDCWD, "/sbin/sysctl", ["sysctl", "-w", "net.ipv4.ip_forward=1"], 0x7ffc0 /* 20 vars */, 0) = 0',
  '7 execve("/bin/sh", ["sh", "-c", "ip link add eth7 type dummy"], 0x7ffc0 /* 20 vars */ <unfinished ...>',
  '7 openat(AT_FDCWD, "/var/lib/awg/journal", O_WRONLY|O_CREAT, 0600) = 5',
  '7 rename("/var/lib/awg/new", "/var/lib/awg/generation") = 0',
  '7 sendto(4, "set=1\\nprivate_key=…", 90, 0, NULL, 0) = 90',
];

test("reading the host, the lock and devices do not count as writes", () => {
  expect(writesIn(reads.join("\n"))).toEqual([]);
});

test.each(writes)("a write is found: %s", (line) => {
  expect(writesIn([...reads, line].join("\n"))).toEqual([line]);
});
