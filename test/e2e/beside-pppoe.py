# Stands for pppd where the kernel has no PPP: an open socket of PPPoE's discovery on the device of argv[1], as its
# discovery has (pppoe.c: openInterface). For each line it reads it sends a PADI (RFC 2516 section 5.1) and a session's frame with an
# IPv4 packet, and prints how many of them came to the device of argv[2].
import contextlib, select, socket, sys

DISCOVERY, SESSION = 0x8863, 0x8864
ETH_P_ALL = 3


def opened(device, protocol):
    one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    one.bind((device, protocol))
    return one


spoken = opened(sys.argv[1], DISCOVERY)
heard = opened(sys.argv[2], ETH_P_ALL)
address = spoken.getsockname()[4]
ip = bytes.fromhex("4500001c000000004011000000000000") + bytes([198, 51, 100, 1]) + bytes(8)
frames = [
    (DISCOVERY, bytes.fromhex("110900000004" "01010000")),
    (SESSION, bytes.fromhex("11000001") + (len(ip) + 2).to_bytes(2, "big") + bytes.fromhex("0021") + ip),
]
print("ready", flush=True)
for _ in sys.stdin:
    for protocol, text in frames:
        # ENOBUFS tells of a frame that was dropped at its egress.
        with contextlib.suppress(OSError):
            spoken.send(b"\xff" * 6 + address + protocol.to_bytes(2, "big") + text)
    came = 0
    while select.select([heard], [], [], 0.3)[0]:
        came += int.from_bytes(heard.recv(2048)[12:14], "big") in (DISCOVERY, SESSION)
    print(came, flush=True)
