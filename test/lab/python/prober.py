"""Sends every probe once a round, for ever, until stdin ends. Argument: the world as JSON.

Prints JSON lines: first {"probes": [...]}, then {"ready": worker} once its flows are open, then
{"worker": w, "round": n, "refused": [names of probes the kernel refused to send]} after each round.
"""

import json
import os
import signal
import sys
import time
import traceback

import probes
import workers
from sockets import OpenedBefore

IDENTITY = {"nobody": "nobody", "netraw": "netraw"}


def say(message):
    os.write(1, (json.dumps(message) + "\n").encode())


def open_flows(mine):
    for probe in mine:
        if isinstance(probe.action, OpenedBefore):
            for attempt in range(60):
                try:
                    probe.action.open()
                    break
                except OSError:
                    if attempt == 59:
                        raise
                    time.sleep(0.05)


def work(worker, mine, world):
    workers.die_with_parent()
    workers.enter(world["namespaces"][worker])
    workers.become(IDENTITY.get(worker, "root"))
    open_flows(mine)
    say({"ready": worker})
    number = 0
    while True:
        refused = []
        for probe in mine:
            try:
                probe.action(probe.tag)
            except OSError:
                refused.append(probe.name)
        number += 1
        say({"worker": worker, "round": number, "refused": refused})
        time.sleep(world["pauseMs"] / 1000)


def main():
    world = json.loads(sys.argv[1])
    everything = probes.build(world)
    wanted = [probe for probe in everything if probe.worker in world["namespaces"]]
    say({"probes": [{"index": p.index, "name": p.name, "worker": p.worker, "inControl": p.in_control} for p in wanted]})
    children = []
    for worker in sorted({probe.worker for probe in wanted}):
        child = os.fork()
        if child == 0:
            try:
                work(worker, [probe for probe in wanted if probe.worker == worker], world)
            except BaseException:
                traceback.print_exc()
            os._exit(1)
        children.append(child)
    while os.read(0, 4096):
        pass
    for child in children:
        os.kill(child, signal.SIGKILL)


main()
