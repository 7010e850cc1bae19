"""What a milter is told by name beside the commands: macros, as Sendmail has them.

Source: Postfix's MILTER_README, "Sendmail macro emulation".
"""

from collections.abc import Mapping

from mailframe.model.address import Address
from mailframe.model.client_certificate import NO_CERTIFICATE
from mailframe.model.envelope import Origin, ReversePath
from mailframe.policy import milter_codec as codec
from mailframe.policy.client_name import UNKNOWN, ClientName

LOOPBACK = "127.0.0.1"
"""Where a client is that has no address, as Postfix has it."""

USUAL: Mapping[bytes, tuple[str, ...]] = {
    b"C": (
        *("j", "_", "v", "daemon_name", "daemon_addr", "daemon_port"),
        *("client_addr", "client_name", "client_port", "client_ptr"),
    ),
    b"H": ("tls_version", "cipher", "cipher_bits", "cert_subject", "cert_issuer"),
    b"M": ("i", "auth_type", "auth_authen", "auth_author", "mail_addr", "mail_host"),
    b"R": ("i", "rcpt_addr", "rcpt_host", "rcpt_mailer"),
    b"T": ("i",),
    b"N": ("i",),
    b"E": ("i",),
}
"""Which of them go before a command when the milter does not say."""


class Macros:
    """What is known of one client, and of its message.

    Attributes:
        client: What the client is called, or its address in brackets.
    """

    def __init__(self, origin: Origin, called: ClientName) -> None:
        """Know where the client is.

        Args:
            origin: As it is at the beginning.
            called: What the client is called.
        """
        self._wanted: Mapping[bytes, tuple[str, ...]] = {}
        address = origin.client_address
        if address is None:
            address, called = LOOPBACK, ClientName("localhost", "localhost")
        literal = f"[{address}]"
        known = called.verified != UNKNOWN
        self.client = called.verified if known else literal
        self._message: dict[str, str] = {}
        self._known = {
            "j": origin.server_name,
            "v": "mailframe",
            "_": f"{called.verified} {literal}" if known else literal,
            "daemon_name": origin.service,
            "daemon_addr": origin.server_address or "",
            "daemon_port": str(origin.server_port or ""),
            "client_addr": address,
            "client_name": called.verified,
            "client_ptr": called.reverse,
            "client_port": str(origin.client_port or ""),
        }

    def agree(self, wanted: Mapping[bytes, tuple[str, ...]]) -> None:
        """Tell before each of these commands what the milter wants to know."""
        self._wanted = wanted

    def greet(self, origin: Origin) -> None:
        """Know how the client said hello."""
        version, _, cipher = (origin.tls or "").partition(" ")
        certificate = origin.certificate or NO_CERTIFICATE
        self._known |= {
            "tls_version": version,
            "cipher": cipher,
            "cipher_bits": str(origin.tls_bits or ""),
            "cert_subject": certificate.subject,
            "cert_issuer": certificate.issuer,
        }

    def mail(self, origin: Origin, reverse_path: ReversePath, message_id: str) -> None:
        """Know a message, and forget the one before.

        Args:
            origin: How it comes.
            reverse_path: Who it is from.
            message_id: What we call it.
        """
        sender = reverse_path.address
        self._message = {
            "i": message_id,
            "auth_type": origin.login_method,
            "auth_authen": origin.user or "",
            "auth_author": reverse_path.auth or "",
            "mail_addr": sender.written() if sender is not None else "",
            "mail_host": sender.domain if sender is not None else "",
        }

    def rcpt(self, address: Address) -> None:
        """Know whom RCPT names now."""
        self._recipient(address.written(), address.domain, "")

    def rejected(self, enhanced: str, text: str) -> None:
        """Know why RCPT is refused now.

        Args:
            enhanced: The enhanced code of the reply.
            text: Its text.
        """
        self._recipient(text, enhanced, "error")

    def before(self, command: bytes) -> bytes:
        """Return the packet that goes before a command, empty for none."""
        names = self._wanted.get(command, USUAL.get(command, ()))
        known = self._known | self._message
        told = {name: value for name in names if (value := known.get(name))}
        # To RCPT it is told even of nothing: else what was said of the one before
        # would hold.
        return (
            codec.macros(command, told) if told or (names and command == b"R") else b""
        )

    def _recipient(self, address: str, host: str, mailer: str) -> None:
        self._message |= {
            "rcpt_addr": address,
            "rcpt_host": host,
            "rcpt_mailer": mailer,
        }
