/**
 * What each mutant dies of: the double's refusal of what no macOS takes (UnfaithfulCall), the errno that macOS answers with
 * (AwgError), or what the scenario finds otherwise than asked for (AssertionError). Another death is none of the mutant's.
 */
export const DEATHS: Readonly<Record<string, string>> = {
  "rtm_msglen one too long": "AwgError: adding the route 0.0.0.0/1 failed: refused as invalid (EINVAL)",
  "rtm_version of FreeBSD's older kernel":
    "AwgError: adding the route 0.0.0.0/1 failed: protocol not supported (EPROTONOSUPPORT)",
  "destination's sa_len one short": "UnfaithfulCall: write RTM_ADD: sockaddr_in of 15 bytes",
  "destination without sa_len": "AwgError: adding the route 0.0.0.0/1 failed: refused as invalid (EINVAL)",
  "destination of Linux's family": "UnfaithfulCall: write RTM_ADD: address family 10",
  "netmask cut short": "UnfaithfulCall: write RTM_ADD: 8 bytes behind the last address",
  "netmask of length 0": "AwgError: adding the route 0.0.0.0/1 failed: refused as invalid (EINVAL)",
  "RTF_GATEWAY with a link as gateway":
    "UnfaithfulCall: write RTM_ADD: RTF_GATEWAY goes with an address, a link gateway without it",
  "link gateway without its index": "AwgError: adding the route 0.0.0.0/1 failed: network unreachable (ENETUNREACH)",
  "RTF_IFSCOPE without index": "UnfaithfulCall: write RTM_ADD: RTF_IFSCOPE without index",
  "rubbish in sin_zero": "UnfaithfulCall: write RTM_ADD: sin_zero is not zero",
  "sequence 0": "UnfaithfulCall: write RTM_ADD: rtm_seq 0 cannot be told from the kernel's own messages",
  "four bytes behind the last address": "UnfaithfulCall: write RTM_ADD: 4 bytes behind the last address",
  "a half deleted as the default": "AssertionError [ERR_ASSERTION]: none of our routes is left",
  "our mark left out": "AssertionError [ERR_ASSERTION]: the routes bear our mark and are as asked for",
  "the routing socket opened as a datagram socket": "UnfaithfulCall: socket: domain 17 type 2 protocol 0",
  "NET_RT_IFLIST instead of NET_RT_IFLIST2": "UnfaithfulCall: sysctl PF_ROUTE: request 3",
  "unit without its plus one: utun0 is taken":
    "AwgError: making a utun interface failed: another program has that unit",
  "sc_len 0": "AwgError: making a utun interface failed: refused as invalid (EINVAL)",
  "ss_sysaddr 0": "UnfaithfulCall: connect utun: sc_family or ss_sysaddr is wrong",
  "a control's number nobody told": "AwgError: making a utun interface failed: no such thing (ENOENT)",
  "sockaddr_ctl cut to 16 bytes": "UnfaithfulCall: connect utun: an address of 16 bytes",
  "ctl_info of 96 bytes": "UnfaithfulCall: ioctl CTLIOCGINFO: 96 bytes",
  "the control's name misspelt": "AwgError: making a utun interface failed: no such thing (ENOENT)",
  "no room for the NUL of the interface's name":
    "AwgError: making a utun interface failed: message too long (EMSGSIZE)",
  "requests sign-extended": "is sign-extended",
  "the MTU four bytes late": "AssertionError [ERR_ASSERTION]: the device is as asked for",
  "the MTU in network order": "AssertionError [ERR_ASSERTION]: the device is as asked for",
  "IPv4 address without the other end": "UnfaithfulCall: ioctl SIOCAIFADDR: no other end on a point-to-point interface",
  "IPv4 mask of length 0": "UnfaithfulCall: ioctl SIOCAIFADDR: sockaddr_in of 0 bytes",
  "IPv4 mask with a hole": "UnfaithfulCall: ioctl SIOCAIFADDR: a netmask with holes",
  "IPv6 other end on a /64": "AwgError: giving utun1 the address fd00:8::2/64 failed: refused as invalid (EINVAL)",
  "IPv6 address without its flags": "UnfaithfulCall: ioctl SIOCAIFADDR_IN6: flags 0",
  "IPv6 address that expires at once": "UnfaithfulCall: ioctl SIOCAIFADDR_IN6: the address would expire",
  "in6_aliasreq at natural size less its padding":
    "UnfaithfulCall: ioctl SIOCAIFADDR_IN6: 124 bytes, 128 in the request",
  "IPv6 requests on an IPv4 socket": "UnfaithfulCall: ioctl SIOCAIFADDR_IN6: on an IPv4 socket",
  "IP_BOUND_IF on an IPv6 socket": "AwgError: binding a socket to interface 3 failed: refused as invalid (EINVAL)",
  "sockets left open": "AssertionError [ERR_ASSERTION]: no descriptor is left open",
  "the token released twice": "UnfaithfulCall: ioctl DIOCSTOPREF: a token that nobody holds, or no longer",
  "the token in network order": "UnfaithfulCall: ioctl DIOCSTOPREF: a token that nobody holds, or no longer",
  "DIOCSTOP, which drops everybody's tokens": "UnfaithfulCall: ioctl DIOCSTOP: the double does not know this call",
  "the size of the tokens' buffer left out": "UnfaithfulCall: ioctl DIOCGETSTARTERS: size 0, a buffer of 5376",
  "states of Linux's IPv6 family": "UnfaithfulCall: ioctl DIOCKILLSTATES: family 10",
  "states of everybody": "UnfaithfulCall: ioctl DIOCKILLSTATES: every state of everybody",
  "a state's port in host order": "AssertionError [ERR_ASSERTION]: the forbidden state is cut, the other left",
  "rules loaded without an anchor": "UnfaithfulCall: pfctl -f: without -a: everybody's rules",
  "rules loaded through the optimizer": "UnfaithfulCall: pfctl -f: without -o none the rules read back differ",
  "the main ruleset loaded again": "UnfaithfulCall: pfctl -f: without -a: everybody's rules",
  "a canary to another port": "AwgError: PF took the firewall policy and does not enforce it",
  "a canary with Linux's number for the hops": "UnfaithfulCall: setsockopt dgram: level 0 option 2",
  "rules without the newline at their end": "AwgError: pfctl could not load the anchor com.awg: ",
  "a script of scutil without quit": "UnfaithfulCall: scutil: a script without its quit",
  "the key that configd merges into, overwritten":
    "UnfaithfulCall: scutil set: State:/Network/Global/DNS: not a key of ours",
  "no match domain: not the resolver of all names": "AssertionError [ERR_ASSERTION]: the resolver of all names is ours",
  "the path asked for with 1024 bytes": "UnfaithfulCall: PROC_PIDPATHINFO: 1024 bytes: a path may have 4096",
  "PROC_PIDTBSDINFO in place of the flavor for everybody":
    "UnfaithfulCall: PROC_PIDTBSDINFO: 64 bytes for proc_bsdinfo",
  "the number nobody else gets, cut to 48 bytes":
    "UnfaithfulCall: PROC_PIDUNIQIDENTIFIERINFO: 48 bytes for proc_uniqidentifierinfo",
  "an argument where none belongs": "UnfaithfulCall: PROC_PIDTBSDINFO: argument 1",
  "processes listed by parent": "UnfaithfulCall: proc_listpids: 6 0",
  "the socket of another descriptor": "AssertionError [ERR_ASSERTION]: the socket's holder is told",
  "socket_fdinfo eight bytes short": "UnfaithfulCall: PROC_PIDFDSOCKETINFO: 784 bytes for socket_fdinfo",
  "a watch with NOTE_TRACK":
    "UnfaithfulCall: kevent: filter, flags or fflags (NOTE_TRACK is not supported, darwin-notes 7)",
  "a watch by EVFILT_SIGNAL":
    "UnfaithfulCall: kevent: filter, flags or fflags (NOTE_TRACK is not supported, darwin-notes 7)",
  "a kevent of 24 bytes": "UnfaithfulCall: kevent: 24 and 2048 bytes, 0 ms",
  "a queue waited for by the second": "UnfaithfulCall: kevent: 0 and 2048 bytes, 1000 ms",
  "the list of sockets of macOS 10.14":
    "UnfaithfulCall: sysctlbyname net.inet.tcp.pcblist: the double does not know this call",
  "a timeval of 8 bytes": "UnfaithfulCall: kern.waketime: 8 bytes for a timeval",
  "a watcher with 64 KiB of room": "UnfaithfulCall: setsockopt SO_RCVBUF: 65536 bytes are too few",
  "a watcher that waits": "UnfaithfulCall: read PF_ROUTE: nothing to read on a blocking socket: it would wait for ever",
  "a look-up without sa_len": "AwgError: asking for a route to 198.51.100.7 failed: refused as invalid (EINVAL)",
  "a look-up with sequence 0": "UnfaithfulCall: write RTM_GET: rtm_seq 0 cannot be told from the kernel's own messages",
  "a look-up in a scope without index": "UnfaithfulCall: write RTM_GET: RTF_IFSCOPE without index",
  "a look-up of Linux's family": "UnfaithfulCall: write RTM_GET: address family 10",
  "a service loaded the old way": "UnfaithfulCall: launchctl: load ",
  "a service ended by its file": "UnfaithfulCall: launchctl: bootout system /Library/LaunchDaemons/x.plist",
  "an answer of launchctl's read in another domain":
    "UnfaithfulCall: launchctl: user/com.awg.split-tunnel is no target",
};
