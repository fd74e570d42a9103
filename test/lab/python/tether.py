"""Runs a command inside a namespace and ends it when stdin ends: tether.py NAMESPACE COMMAND..."""

import os
import signal
import sys

import workers


def main():
    child = os.fork()
    if child == 0:
        os.setsid()
        workers.die_with_parent()
        workers.enter(sys.argv[1])
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.execvp(sys.argv[2], sys.argv[2:])
    while os.read(0, 4096):
        pass
    os.kill(child, signal.SIGTERM)
    os.waitpid(child, 0)


main()
