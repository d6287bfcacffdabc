#!/usr/bin/env python3
"""Starts holdfast and prints the milliseconds until its first point, then stops it. Ends with 1
if none comes within a minute.

    first_point.py delivered|received HOLDFAST CONFIG FIFO term|kill
    first_point.py nothing HOLDFAST

nothing: `holdfast --version`, from its start to its end: what no start can do without.
delivered: from just before the start to the first line read from FIFO, to which an output writes.
received: to the 204 for a point that is posted as soon as the listener is there.
The last word says how it is stopped, which the next start has to deal with.
"""
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

if sys.argv[1] == "nothing":
    begin = time.monotonic()
    subprocess.run([sys.argv[2], "--version"], stdout=subprocess.DEVNULL, check=True)
    print(f"{(time.monotonic() - begin) * 1000:.2f}")
    sys.exit()

what, holdfast, config, fifo, how = sys.argv[1:]
log = []
stderr = subprocess.PIPE if what == "received" else None
begin = time.monotonic()
agent = subprocess.Popen([holdfast, "run", "--config", config], stderr=stderr)
watchdog = threading.Timer(60, lambda: (agent.kill(), os._exit(1)))
watchdog.daemon = True
watchdog.start()
try:
    if what == "delivered":
        # Stays open until the agent has ended: it may have more to write.
        lines = open(fifo, "rb", buffering=0)
        if not lines.read(1):
            sys.exit("holdfast ended without a point")
        took = time.monotonic() - begin
    else:
        port = None
        for line in map(bytes.decode, agent.stderr):
            log.append(line)
            if found := re.search(r"listening on .*\(port (\d+)\)", line):
                port = int(found[1])
                break
        if port is None:
            sys.exit("holdfast ended without listening:\n" + "".join(log[-5:]))
        body = b"started value=1i\n"
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"POST /write?db=bench HTTP/1.1\r\nHost: localhost\r\n"
                               b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            answer = connection.recv(4096)
        took = time.monotonic() - begin
        if b" 204 " not in answer:
            sys.exit(f"the point was answered {answer!r}")
    print(f"{took * 1000:.2f}")
finally:
    agent.send_signal(signal.SIGKILL if how == "kill" else signal.SIGTERM)
    agent.wait()
