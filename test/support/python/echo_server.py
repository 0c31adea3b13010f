"""The echo service of idl/echo.thrift: echo_server.py IDL_FOLDER TRANSPORT PROTOCOL; prints its port."""
import logging
import socket
import sys

folder, transport, protocol = sys.argv[1:4]
sys.path.insert(0, folder + "/gen-py")

from echo import Echo
from echo.ttypes import NotFound
from thrift.protocol import TBinaryProtocol, TCompactProtocol, THeaderProtocol
from thrift.server import TServer
from thrift.transport import TSocket, TTransport

logging.disable(logging.CRITICAL)


class Handler:
    def __init__(self):
        self.lines = []

    def echo(self, text):
        return text

    def ping(self):
        pass

    def find(self, key):
        if key == "missing":
            raise NotFound(key)
        return "found " + key

    def note(self, line):
        self.lines.append(line)

    def blob(self, bytes):
        return bytes

    def tree(self, root):
        return root

    def notes(self):
        return self.lines


class FreePort(TSocket.TServerSocket):
    """Listens on a free port, and says which."""

    def listen(self):
        self.handle = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.handle.bind(("127.0.0.1", 0))
        self.handle.listen(128)
        print(self.handle.getsockname()[1], flush=True)


transports = {
    "framed": TTransport.TFramedTransportFactory(),
    "buffered": TTransport.TBufferedTransportFactory(),
    "header": TTransport.TTransportFactoryBase(),
}
protocols = {
    "binary": TBinaryProtocol.TBinaryProtocolFactory(),
    "compact": TCompactProtocol.TCompactProtocolFactory(),
}
both = protocols[protocol]
if transport == "header":
    both = THeaderProtocol.THeaderProtocolFactory(
        default_protocol=0 if protocol == "binary" else 2
    )
server = TServer.TThreadedServer(
    Echo.Processor(Handler()), FreePort(), transports[transport], both, daemon=True
)
server.serve()
