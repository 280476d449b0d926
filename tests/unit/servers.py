"""Servers on loopback that behave as a test says: badly, mostly."""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.1"


@dataclass
class Conversation:
    """What a step of a script may do with a connection on which a request has arrived."""

    connection: socket.socket
    request: bytes
    is_over: threading.Event  # set when the test is done

    @property
    def path(self) -> str:
        return self.request.split(b" ", 2)[1].decode()

    def answer(self, status: str = "200 OK", body: bytes = b"", *headers: str, length: int | None = None) -> None:
        """An HTTP response; `length` is the Content-Length where it is not that of the body."""
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
        self.connection.sendall("\r\n".join([*head, "", ""]).encode() + body)

    def drip(self, data: bytes, *, pause_s: float) -> None:
        """Sends the bytes one by one, slowly, until the other side has enough."""
        for byte in data:
            self.connection.sendall(bytes([byte]))
            if self.is_over.wait(pause_s):
                return

    def close(self) -> None:
        self.connection.close()


Step = Callable[[Conversation], None]


@dataclass
class ScriptedServer:
    """Answers request after request by the next step of its script; the last step stays."""

    script: list[Step]
    tls: ssl.SSLContext | None = None
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    _open: list[socket.socket] = field(default_factory=list)
    _is_over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def stop(self) -> None:
        self._is_over.set()
        with suppress(OSError):  # wakes accept()
            socket.create_connection((LOOPBACK, self.port), timeout=1).close()
        self._threads[0].join(5)
        self._listener.close()
        for connection in self._open:  # wakes those that wait for one more request
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._is_over.is_set():
                connection.close()
                return
            self.connections += 1
            self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            connection.settimeout(5)
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            self._open.append(connection)
            with connection:
                while request := self._read_request(connection):
                    with self._lock:
                        self.requests.append(request)
                        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                    step(Conversation(connection, request, self._is_over))

    @staticmethod
    def _read_request(connection: socket.socket) -> bytes:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            received = connection.recv(65536)
            if not received:
                return b""
            request += received
        return request


@contextmanager
def serving(*script: Step, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """A server that follows the script while the block runs."""
    server = ScriptedServer(list(script), tls)
    try:
        yield server
    finally:
        server.stop()


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the test's own: what servers show, and what clients trust."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def make_authority(folder: Path, *names: str) -> Authority:
    """An authority whose one server certificate is for `names`."""
    now = datetime.datetime.now(datetime.UTC)
    authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test Authority")])

    def certificate(
        subject: x509.Name, key: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(authority_key, hashes.SHA256())

    identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    root = certificate(issuer, authority_key, x509.BasicConstraints(ca=True, path_length=None), identifier, usage)
    leaf = certificate(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]),
        server_key,
        x509.BasicConstraints(ca=False, path_length=None),
        x509.SubjectAlternativeName(
            [*(x509.DNSName(name) for name in names), x509.IPAddress(ipaddress.ip_address(LOOPBACK))]
        ),
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
    )
    pem = serialization.Encoding.PEM
    (folder / "root.pem").write_bytes(root.public_bytes(pem))
    (folder / "server.pem").write_bytes(leaf.public_bytes(pem))
    (folder / "server.key").write_bytes(
        server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem", folder / "server.key")
    client = ssl.create_default_context(cafile=str(folder / "root.pem"))
    return Authority(server, client)
