# One program of a user that writes and closes before anybody reads; run as root in the namespace of the sender.
# The job on standard input: there (namespace of the reader), address, uid, mark (of its socket), load (argv and input of a command that loads
# another policy once the connection stands, or null), after (such commands for when the program has closed the connection
# and what is left waits for the reader). Prints how much the reader got, whether it saw the end, and how much was sent after
# these commands.
import json, os, socket, subprocess, sys, time

READER = """
import json, socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.bind((sys.argv[1], 9000))
s.listen(1)
print("ready", flush=True)
connection = s.accept()[0]
connection.settimeout(float(sys.stdin.readline()))
got, end = 0, False
try:
    while not end:
        data = connection.recv(65536)
        got, end = got + len(data), not data
except TimeoutError:
    pass
print(json.dumps({"got": got, "end": end}))
"""
SIZE = 150_000


def unsent():
    """Of what was closed (FIN_WAIT1): the bytes that wait, and how often the kernel tried in vain; None when all arrived."""
    with open("/proc/self/net/tcp") as sockets:
        for line in sockets:
            _, _, remote, state, queues, _, again, _, probes, *_ = line.split()
            if remote.endswith(":2328") and state == "04":
                return int(queues[:8], 16), int(again, 16) + int(probes)
    return None


def run(command):
    subprocess.run(command["argv"], input=json.dumps(command["input"]), text=True, check=True, stdout=subprocess.DEVNULL)


def waiting():
    """The bytes that wait once the reader's window is full, without the end: two looks in a row find the same."""
    deadline, before = time.monotonic() + 20, None
    while (now := unsent()) and now[0] != before and time.monotonic() < deadline:
        before = now[0]
        time.sleep(0.3)
    return (before or 1) - 1


job = json.load(sys.stdin)
reader = subprocess.Popen(
    ["ip", "netns", "exec", job["there"], sys.executable, "-c", READER, job["address"]],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
try:
    reader.stdout.readline()
    os.seteuid(job["uid"])
    program = socket.socket()
    os.seteuid(0)
    program.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, job["mark"])
    program.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    program.settimeout(20)
    program.connect((job["address"], 9000))
    if job["load"] is not None:
        run(job["load"])
    program.sendall(b"x" * SIZE)
    program.close()
    seconds, left = 20, SIZE
    if job["after"]:
        seconds, left = 2, waiting()
        for command in job["after"]:
            run(command)
    if job["load"] is not None:
        # The kernel tries again within a second; what it sends then comes from nobody's socket.
        deadline = time.monotonic() + 20
        while (now := unsent()) and now[0] > SIZE and now[1] < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        seconds = 0.3
    result = json.loads(reader.communicate(f"{seconds}\n", timeout=60)[0])
    print(json.dumps({**result, "after": result["got"] - (SIZE - left)}))
finally:
    reader.kill()
