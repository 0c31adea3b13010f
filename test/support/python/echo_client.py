"""Calls all methods: echo_client.py IDL_FOLDER TRANSPORT PROTOCOL PORT SERVICE; prints what came, as JSON.

SERVICE: the name of a multiplexed service, or - for none. With the transport `header` it goes along
as the header `service` instead.
"""
import json
import sys

folder, transport, protocol, port, service = sys.argv[1:6]
sys.path.insert(0, folder + "/gen-py")

from echo import Echo
from echo.ttypes import Node, NotFound
from thrift.protocol import TBinaryProtocol, TCompactProtocol, THeaderProtocol, TMultiplexedProtocol
from thrift.Thrift import TApplicationException
from thrift.transport import TSocket, TTransport

raw = TSocket.TSocket("127.0.0.1", int(port))
raw.setTimeout(10_000)
if transport == "header":
    speech = THeaderProtocol.THeaderProtocol(
        raw, [0], default_protocol=0 if protocol == "binary" else 2
    )
    carrier = raw
else:
    carrier = TTransport.TFramedTransport(raw) if transport == "framed" else TTransport.TBufferedTransport(raw)
    kind = TBinaryProtocol.TBinaryProtocol if protocol == "binary" else TCompactProtocol.TCompactProtocol
    speech = kind(carrier)
    if service != "-":
        speech = TMultiplexedProtocol.TMultiplexedProtocol(speech, service)


def call(function, *arguments):
    if transport == "header" and service != "-":
        speech.set_header(b"service", service.encode())
    return function(*arguments)


client = Echo.Client(speech)
carrier.open()
seen = {}
try:
    seen["echo"] = call(client.echo, "grüße")
    if transport == "header" and b"l5d-fault" in speech.get_headers():
        seen["fault"] = speech.get_headers()[b"l5d-fault"].decode()
    seen["ping"] = call(client.ping)
    seen["find"] = call(client.find, "it")
    try:
        call(client.find, "missing")
    except NotFound as error:
        seen["missing"] = error.key
    seen["blob"] = len(call(client.blob, b"x" * 100_000))
    tree = Node("root", [Node("leaf", [], {}, True, {1, -2}, 0.5)], {"one": [1, 2**40]}, None, set(), 1.5)
    seen["tree"] = call(client.tree, tree) == tree
    call(client.note, "seen")
    for _ in range(1000):
        seen["notes"] = call(client.notes)
        if seen["notes"]:
            break
except TApplicationException as error:
    seen["exception"] = {"type": error.type, "message": error.message}
finally:
    carrier.close()
print(json.dumps(seen))
