# Sends 20,000 datagrams of 64 bytes to each address of argv for each line it reads, and prints for each address what one cost
# the sending thread: nanoseconds of processor time.
import socket, sys, time

COUNT = 20_000
PORT = 9
text = bytes(64)
sockets = []
for address in sys.argv[1:]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    one = socket.socket(family, socket.SOCK_DGRAM)
    one.connect((address, PORT))
    sockets.append(one)
for _ in sys.stdin:
    costs = []
    for one in sockets:
        send = one.send
        begun = time.thread_time_ns()
        for _ in range(COUNT):
            send(text)
        costs.append((time.thread_time_ns() - begun) / COUNT)
    print(*costs, flush=True)
