# A user's connection by MPTCP, of which the kernel opens one more subflow; run as root in the namespace of the user. The job on
# standard input: there (namespace of the server), address, uid, seen (argv of a command that tells of what was refused), from
# (where the subflow comes from). Waits until something was refused or the server has met it, and prints whether it has.
import json, os, socket, subprocess, sys, time

SERVER = """
import socket, sys
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_MPTCP)
listener.bind((sys.argv[1], 9002))
listener.listen(1)
print("ready", flush=True)
connection = listener.accept()[0]
while data := connection.recv(100):
    connection.sendall(data)
"""
job = json.load(sys.stdin)
there = ["ip", "netns", "exec", job["there"]]
server = subprocess.Popen([*there, sys.executable, "-c", SERVER, job["address"]], stdout=subprocess.PIPE, text=True)


def has_met():
    sockets = subprocess.run([*there, "ss", "-tnaH"], capture_output=True, text=True, check=True).stdout
    return f" {job['from']}:" in sockets


def refusals():
    return subprocess.run(job["seen"], capture_output=True, text=True, check=True).stdout


try:
    server.stdout.readline()
    os.seteuid(job["uid"])
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_MPTCP)
    os.seteuid(0)
    connection.settimeout(20)
    before = refusals()
    connection.connect((job["address"], 9002))
    connection.sendall(b"hello")
    connection.recv(100)
    deadline = time.monotonic() + 10
    while not has_met() and refusals() == before and time.monotonic() < deadline:
        time.sleep(0.1)
    print(json.dumps({"met": has_met(), "refused": refusals() != before}))
finally:
    server.kill()
