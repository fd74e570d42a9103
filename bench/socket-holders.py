"""Holds many connections in many processes until its input ends: socket-holders.py PROCESSES CONNECTIONS_EACH"""
import os, signal, socket, sys

processes, connections = int(sys.argv[1]), int(sys.argv[2])
server = socket.create_server(("127.0.0.1", 0), backlog=16)
children = []
for _ in range(processes):
    ends = []
    for _ in range(connections):
        near = socket.create_connection(server.getsockname())
        ends += [near, server.accept()[0]]
    pid = os.fork()
    if pid == 0:
        server.close()
        signal.pause()
    children.append(pid)
    for end in ends:
        end.close()
print("ready", flush=True)
sys.stdin.read()
for pid in children:
    os.kill(pid, signal.SIGKILL)
