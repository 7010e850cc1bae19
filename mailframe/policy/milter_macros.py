"""What a milter is told by name beside the commands: macros, as Sendmail has them.

Source: Postfix's MILTER_README, "Sendmail macro emulation".
"""

from collections.abc import Mapping

from mailframe.model.address import Address
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
    b"H": ("tls_version", "cipher", "cipher_bits", "cert_subject"),
    b"M": ("i", "auth_type", "auth_authen", "auth_author", "mail_addr", "mail_host"),
    b"R": ("i", "rcpt_addr", "rcpt_host"),
    b"T": ("i",),
    b"N": ("i",),
    b"E": ("i",),
}
"""Which of them go before a command when the milter does not say."""


class Macros:
    """What is known of one message.

    Attributes:
        client: What the client is called, or its address in brackets.
    """

    def __init__(
        self,
        origin: Origin,
        reverse_path: ReversePath,
        message_id: str,
        called: ClientName,
    ) -> None:
        """Know all but the recipients.

        Args:
            origin: How it comes.
            reverse_path: Who it is from.
            message_id: What we call it.
            called: What the client is called.
        """
        self._wanted: Mapping[bytes, tuple[str, ...]] = {}
        sender = reverse_path.address
        version, _, cipher = (origin.tls or "").partition(" ")
        address = origin.client_address
        if address is None:
            address, called = LOOPBACK, ClientName("localhost", "localhost")
        literal = f"[{address}]"
        known = called.verified != UNKNOWN
        self.client = called.verified if known else literal
        self._known = {
            "i": message_id,
            "j": origin.server_name,
            "v": "mailframe",
            "_": f"{called.verified} {literal}" if known else literal,
            "daemon_name": origin.service,
            "daemon_addr": origin.server_address or "",
            "daemon_port": _number(origin.server_port),
            "client_addr": address,
            "client_name": called.verified,
            "client_ptr": called.reverse,
            "client_port": _number(origin.client_port),
            "tls_version": version,
            "cipher": cipher,
            "cipher_bits": _number(origin.tls_bits or None),
            "cert_subject": origin.tls_subject or "",
            "auth_type": origin.login_method,
            "auth_authen": origin.user or "",
            "auth_author": reverse_path.auth or "",
            "mail_addr": sender.written() if sender is not None else "",
            "mail_host": sender.domain if sender is not None else "",
        }

    def agree(self, wanted: Mapping[bytes, tuple[str, ...]]) -> None:
        """Tell before each of these commands what the milter wants to know."""
        self._wanted = wanted

    def rcpt(self, address: Address) -> None:
        """Know whom RCPT names now."""
        self._known |= {"rcpt_addr": address.written(), "rcpt_host": address.domain}

    def before(self, command: bytes) -> bytes:
        """Return the packet that goes before a command, empty for none."""
        names = self._wanted.get(command, USUAL.get(command, ()))
        told = {name: value for name in names if (value := self._known.get(name))}
        return codec.macros(command, told) if told else b""


def _number(number: int | None) -> str:
    return "" if number is None else str(number)
