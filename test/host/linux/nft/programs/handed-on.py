# One user listens, another takes the connection up, writes and closes at once; run as root in the namespace of both. The job
# on standard input: there (namespace of the reader), address, listener and program (users), shut (the reader has no room until
# the connection is closed), size, seconds (how long the reader waits for more). Prints how much it got and whether it saw the end.
import json, os, socket, subprocess, sys

PORT = 9001
READER = """
import json, socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20)
connection.settimeout(float(sys.argv[3]))
got, end = 0, False
try:
    while not end:
        data = connection.recv(65536)
        got, end = got + len(data), not data
except (TimeoutError, ConnectionResetError):
    pass
print(json.dumps({"got": got, "end": end}))
"""
SHUT = f"table ip shut {{ chain out {{ type filter hook output priority 0; tcp dport {PORT} tcp window set 0; }}; }}"
job = json.load(sys.stdin)
there = ["ip", "netns", "exec", job["there"]]


def become(user):
    os.seteuid(0)
    os.seteuid(user)


become(job["listener"])
listener = socket.create_server(("0.0.0.0", PORT))
listener.settimeout(20)
become(0)
if job["shut"]:
    subprocess.run([*there, "nft", SHUT], check=True)
reader = subprocess.Popen(
    [*there, sys.executable, "-c", READER, job["address"], str(PORT), str(job["seconds"])],
    stdout=subprocess.PIPE, text=True)
try:
    become(job["program"])
    connection = listener.accept()[0]
    become(0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    connection.sendall(b"x" * job["size"])
    connection.close()
    if job["shut"]:
        subprocess.run([*there, "nft", "delete", "table", "ip", "shut"], check=True)
    print(reader.communicate(timeout=60)[0])
finally:
    reader.kill()
