# A neighbour sends three packets of UDP over IPv6 in another's name straight to a machine, and listens where they may come out;
# run as root. The job on standard input: from, to (addresses), by, heard (devices), lladdr (of the machine). Prints how many came.
import json, socket, struct, sys

ETH_P_IPV6 = 0x86DD
job = json.load(sys.stdin)
heard = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IPV6))
heard.bind((job["heard"], ETH_P_IPV6))
heard.settimeout(1)
source, destination = (socket.inet_pton(socket.AF_INET6, job[side]) for side in ("from", "to"))
body = struct.pack("!HHHH", 9, 9, 14, 0) + b"forged"
checked = source + destination + struct.pack("!IHBB", len(body), 0, 0, 17) + body
total = sum(struct.unpack(f"!{len(checked) // 2}H", checked))
while total >> 16:
    total = (total & 0xFFFF) + (total >> 16)
body = body[:6] + struct.pack("!H", ~total & 0xFFFF) + body[8:]
packet = struct.pack("!IHBB", 6 << 28, len(body), 17, 64) + source + destination + body
sending = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
for _ in range(3):
    sending.sendto(packet, (job["by"], ETH_P_IPV6, 0, 0, bytes.fromhex(job["lladdr"].replace(":", ""))))
came = 0
try:
    while came < 3:
        came += heard.recv(999).endswith(b"forged")
except TimeoutError:
    pass
print(came)
