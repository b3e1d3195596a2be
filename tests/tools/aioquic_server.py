"""An HTTP/3 server on aioquic for the interoperation tests: another QUIC, another TLS, another QPACK.

usage: aioquic_server.py [retry] [chacha20]

Standard input brings the certificate chain and then the private key, both as PEM, and the line END. The
server listens on a free port of 127.0.0.1, prints it, and stops when standard input ends.

GET /gen/N answers N bytes of the tests' pattern, POST /echo the request's body, everything else 404.
aioquic's QPACK encoder uses the dynamic table wherever the client permits one.
"""

import asyncio
import sys

from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated
from aioquic.tls import CipherSuite
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

PERIOD = bytes((i % 251) ^ (i // 251) for i in range(251 * 241))


def pattern(length):
    return (PERIOD * (length // len(PERIOD) + 1))[:length]


class Server(QuicConnectionProtocol):
    """One connection: requests are answered when they are complete."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.http = None
        self.requests = {}

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic)
        if self.http is not None:
            for http_event in self.http.handle_event(event):
                self.http_event_received(http_event)

    def http_event_received(self, event):
        if isinstance(event, HeadersReceived):
            self.requests.setdefault(event.stream_id, (dict(event.headers), bytearray()))
        elif isinstance(event, DataReceived):
            self.requests[event.stream_id][1].extend(event.data)
        else:
            return
        if event.stream_ended:
            fields, body = self.requests.pop(event.stream_id)
            self.answer(event.stream_id, fields, bytes(body))

    def answer(self, stream, request, body):
        path = request[b":path"].decode()
        status = b"200"
        if path.startswith("/gen/"):
            body = pattern(int(path.removeprefix("/gen/")))
        elif path != "/echo":
            status, body = b"404", b""
        fields = [
            (b":status", status),
            (b"server", b"aioquic"),
            (b"content-length", str(len(body)).encode()),
            (b"x-repeated", b"a value that a dynamic table would hold"),
        ]
        self.http.send_headers(stream, fields)
        self.http.send_data(stream, body, end_stream=True)
        self.transmit()


def read_identity(configuration):
    pem = b""
    while (line := sys.stdin.buffer.readline()) and line != b"END\n":
        pem += line
    chain, _, _ = pem.partition(b"-----BEGIN PRIVATE KEY-----")
    configuration.certificate, *configuration.certificate_chain = load_pem_x509_certificates(chain)
    configuration.private_key = load_pem_private_key(pem[len(chain):], password=None)


async def main(options):
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=False)
    read_identity(configuration)
    if "chacha20" in options:
        configuration.cipher_suites = [CipherSuite.CHACHA20_POLY1305_SHA256]
    server = await serve(
        "127.0.0.1", 0, configuration=configuration, create_protocol=Server, retry="retry" in options
    )
    print(server._transport.get_extra_info("sockname")[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)
    server.close()


asyncio.run(main(sys.argv[1:]))
