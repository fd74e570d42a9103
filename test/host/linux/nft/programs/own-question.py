# A proxy that asks itself over loopback in a neighbour's name and then sends the neighbour the answer; run as root in its
# namespace. The job on standard input: there (the neighbour's namespace), uid, from (this machine's address), neighbour,
# device (of link-local addresses), asked (who is asked and answers, where it is not this machine: both names are foreign then).
# Prints whether the question came, whether the neighbour heard the answer, and whether it was answered when it asked itself.
import json, os, socket, subprocess, sys

NEIGHBOUR = """
import json, socket, sys
job = json.loads(sys.argv[1])
scope = socket.if_nametoindex(job["wire"])
heard = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
heard.bind((job["neighbour"], 4444, 0, scope))
print("ready", flush=True)
sys.stdin.readline()
heard.settimeout(0.2)
try:
    print(heard.recv(99).decode(), flush=True)
except TimeoutError:
    print("", flush=True)
asking = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
asking.bind((job["neighbour"], 4445, 0, scope))
asking.settimeout(10)
asking.sendto(b"may I?", (job["from"], 5000, 0, scope))
try:
    print(asking.recv(99).decode(), flush=True)
except TimeoutError:
    print("", flush=True)
"""
FREEBIND, TRANSPARENT = 78, 75  # IPV6_*, linux/in6.h
job = json.load(sys.stdin)
command = ["ip", "netns", "exec", job["there"], sys.executable, "-c", NEIGHBOUR, json.dumps(job)]
neighbour = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
try:
    neighbour.stdout.readline()
    scope = socket.if_nametoindex(job["device"])
    os.seteuid(job["uid"])
    answering = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    answering.bind((job["from"], 5000, 0, scope))
    answering.settimeout(10)
    asked = job.get("asked", job["from"])
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as asking:
        os.seteuid(0)
        asking.setsockopt(socket.IPPROTO_IPV6, TRANSPARENT if asked == job["from"] else FREEBIND, 1)
        os.seteuid(job["uid"])
        asking.bind((job["neighbour"], 4444, 0, scope))
        try:
            asking.sendto(b"question", (asked, 5000, 0, scope))
            is_sent = True
        except PermissionError:
            is_sent = False
    foreign = answering
    if asked != job["from"]:
        foreign = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        foreign.setsockopt(socket.IPPROTO_IPV6, FREEBIND, 1)
        foreign.bind((asked, 5000))
    came = is_sent and (foreign is not answering or answering.recv(99) == b"question")
    try:
        foreign.sendto(b"answer", (job["neighbour"], 4444, 0, scope))
    except PermissionError:
        pass
    neighbour.stdin.write("\n")
    neighbour.stdin.flush()
    heard = neighbour.stdout.readline().strip() == "answer"
    asker = answering.recvfrom(99)[1]
    answering.sendto(b"you may", asker)
    answered = neighbour.stdout.readline().strip() == "you may"
    print(json.dumps({"came": came, "heard": heard, "answered": answered}))
finally:
    os.seteuid(0)
    neighbour.kill()
