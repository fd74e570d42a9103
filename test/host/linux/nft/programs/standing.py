# Servers here whose clients are connected before a policy is loaded and never speak; run as root in the servers' namespace.
# The job on standard input: there (the clients' namespace), servers (address and port of each), load (argv and input of a
# command that loads a policy once all connections stand). Prints what each client got: "" for nothing.
import json, socket, subprocess, sys

CLIENTS = """
import json, socket, sys
clients = [socket.create_connection(tuple(one), 20) for one in json.loads(sys.argv[1])]
print("connected", flush=True)
sys.stdin.readline()
def got(client, seconds):
    client.settimeout(seconds)
    try:
        return client.recv(9).decode()
    except TimeoutError:
        return ""
first = got(clients[0], 20)
print(json.dumps([first, *[got(client, 1) for client in clients[1:]]]))
"""

job = json.load(sys.stdin)
listeners = [
    socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    for address, port in job["servers"]
]
clients = subprocess.Popen(
    ["ip", "netns", "exec", job["there"], sys.executable, "-c", CLIENTS, json.dumps(job["servers"])],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
try:
    for listener in listeners:
        listener.settimeout(20)
    connections = [listener.accept()[0] for listener in listeners]
    clients.stdout.readline()
    load = job["load"]
    subprocess.run(load["argv"], input=json.dumps(load["input"]), text=True, check=True, stdout=subprocess.DEVNULL)
    for connection in reversed(connections):
        connection.sendall(b"welcome")
    print(clients.communicate("\n", timeout=60)[0].strip())
finally:
    clients.kill()
