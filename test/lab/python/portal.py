"""A captive network's login page until stdin ends: portal.py NAMESPACE ROUTER NAME PROBED

HTTP on ROUTER port 2050: a request for another host is redirected to http://NAME:2050/login, GET /login is a form, and
POST /login lets the client into the nftables set `inet captive passed`. A resolver on ROUTER port 5353 answers every name
with ROUTER, as captive networks do. HTTP on PROBED port 80 answers 204. Prints "ready", and "login ADDRESS" for each login.
"""

import http.server
import socket
import struct
import subprocess
import sys
import threading

import workers

PORT = 2050
FORM = b"<!doctype html><title>Hotel</title><form method=post action=/login><button>I agree</button></form>"


def login_server(router, name):
    class Page(http.server.BaseHTTPRequestHandler):
        def answer(self, code, body=b"", **headers):
            self.send_response(code)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            if self.headers.get("Host") == f"{name}:{PORT}":
                self.answer(200, FORM)
            else:
                self.answer(302, Location=f"http://{name}:{PORT}/login?from={self.client_address[0]}")

        def do_POST(self):
            self.rfile.read(min(int(self.headers.get("Content-Length", "0")), 4096))
            element = f"add element inet captive passed {{ {self.client_address[0]} }}"
            subprocess.run(["nft", element], check=True)
            print(f"login {self.client_address[0]}", flush=True)
            self.answer(200, b"Welcome")

        def log_message(self, *_):
            pass

    return http.server.ThreadingHTTPServer((router, PORT), Page)


def free_server(address):
    class NoContent(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    return http.server.ThreadingHTTPServer((address, 80), NoContent)


def resolve(router):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((router, 5353))
    while True:
        query, peer = sock.recvfrom(2048)
        end = query.find(0, 12) + 5
        if end < 17 or len(query) < end:
            continue
        head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1, 0, 0)
        record = struct.pack("!HHHIH", 0xC00C, 1, 1, 5, 4) + socket.inet_aton(router)
        sock.sendto(head + query[12:end] + record, peer)


def main():
    namespace, router, name, probed = sys.argv[1:5]
    workers.enter(namespace)
    for server in (login_server(router, name), free_server(probed)):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=resolve, args=(router,), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


main()
