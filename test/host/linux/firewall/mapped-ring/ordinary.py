# Sends by TCP and UDP from this namespace to 192.168.7.9 and fd77::9 in the namespace of argv[1]: segments that the device is to cut,
# fragments, messages of a few bytes, UDP_SEGMENT and MSG_ZEROCOPY. Prints what did not come as it was sent, and how many
# packets had wrong checksums there.
import ctypes, json, os, socket, sys, threading

MIB = 1 << 20
UDP_SEGMENT, SO_ZEROCOPY, MSG_ZEROCOPY = 103, 60, 0x4000000
SIZES = (0, 1, 5, 6, 1472, 3000, 8900, 20000)

libc = ctypes.CDLL(None, use_errno=True)
block = os.urandom(MIB)
wrong = []


def there(make):
    """A socket of the far namespace."""
    with open("/proc/self/ns/net") as home, open(sys.argv[1]) as far:
        libc.setns(far.fileno(), 0x40000000)
        try:
            return make()
        finally:
            libc.setns(home.fileno(), 0x40000000)


def stream(family, to):
    listener = there(lambda: socket.create_server((to, 5001), family=family))
    client = socket.create_connection((to, 5001), 20)
    server = listener.accept()[0]
    came = bytearray()

    def read():
        while part := server.recv(MIB):
            came.extend(part)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(8):
        client.sendall(block)
    client.close()
    reader.join()
    if bytes(came) != block * 8:
        wrong.append(f"TCP to {to}")


def datagrams(family, to):
    server = there(lambda: socket.socket(family, socket.SOCK_DGRAM))
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * MIB)
    server.settimeout(20)
    server.bind((to, 5002))
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.connect((to, 5002))

    def comes(what, message, parts=1, flags=0):
        client.send(message, flags)
        if b"".join(server.recv(65535) for _ in range(parts)) != message:
            wrong.append(f"{what} of {len(message)} bytes to {to}")

    for size in SIZES:
        comes("UDP", block[:size])
    client.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1200)
    comes("UDP_SEGMENT", block[:12000], 10)
    client.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 0)
    client.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    for size in (1, 6, 1400):
        comes("MSG_ZEROCOPY", block[:size], flags=MSG_ZEROCOPY)


def bad_checksums():
    with open("/proc/thread-self/net/snmp") as four, open("/proc/thread-self/net/snmp6") as six:
        lines = [line.split() for line in four]
        counts = {
            f"{name[0]}{field}": int(value)
            for name, values in zip(lines[::2], lines[1::2])
            for field, value in zip(name[1:], values[1:])
        }
        counts.update((line.split()[0], int(line.split()[1])) for line in six)
    return sum(value for name, value in counts.items() if "InCsumErrors" in name)


for ends in ((socket.AF_INET, "192.168.7.9"), (socket.AF_INET6, "fd77::9")):
    stream(*ends)
    datagrams(*ends)
print(json.dumps({"wrong": wrong, "badChecksums": there(bad_checksums)}))
