#!/usr/bin/env python3
"""Opens connections to a listener, asks /ping on each of them, and keeps them open without another word
until its standard input ends.

    hold_connections.py PORT COUNT [tls]
"""
import socket
import ssl
import sys

port, count = int(sys.argv[1]), int(sys.argv[2])
context = None
if sys.argv[3:] == ["tls"]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

connections = []
for _ in range(count):
    connection = socket.create_connection(("127.0.0.1", port))
    if context:
        connection = context.wrap_socket(connection)
    connection.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
    if b" 204 " not in connection.recv(4096):
        sys.exit("a connection was not answered 204")
    connections.append(connection)
print("held", len(connections), flush=True)
sys.stdin.read()
