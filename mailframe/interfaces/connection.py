"""A protocol server without its network, and the network without a protocol.

:mod:`mailframe.net` drives any :class:`IServer`; a test does the same with
bytes alone. A server never calls its transport: it is asked.
"""

from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from typing import Any

from zope.interface import Attribute, Interface

from mailframe.model.client_certificate import ClientCertificate


@dataclass(frozen=True, slots=True)
class TLSInfo:
    """What a TLS session is.

    Attributes:
        version: ``TLSv1.3`` or the like.
        cipher: The cipher suite's name.
        bits: Its strength.
        server_name: What the client asked for by SNI, or ``None``.
        client_subject: Whose a verified client certificate is: its one address, or
            its common name.
        client_certificate: What else there is to know of that.
    """

    version: str
    cipher: str
    bits: int
    server_name: str | None = None
    client_subject: str | None = None
    client_certificate: ClientCertificate | None = None


class IConnection(Interface):
    """What a server may know of its transport and ask of it."""

    client_address = Attribute("The peer's IP address as ``str``, or ``None``.")
    client_port = Attribute("The peer's port, or ``None``.")
    server_address = Attribute("Our own address on this connection, or ``None``.")
    server_port = Attribute("Our own port, or ``None``.")
    tls = Attribute("The :class:`TLSInfo`, or ``None`` while not protected.")
    trusted = Attribute(
        """Whether secrets may cross it without TLS: a Unix socket, loopback
        to loopback, or the operator said so."""
    )
    can_start_tls = Attribute(
        """Whether TLS could be started now: there is a certificate, and TLS
        is not active yet."""
    )

    def channel_binding(kind: str) -> bytes | None:
        """Return octets that only the two ends of this TLS session have.

        Args:
            kind: ``tls-exporter`` (RFC 9266), ``tls-unique`` or
                ``tls-server-end-point`` (RFC 5929).

        Returns:
            ``None`` without TLS, or when this session has none of this kind.
        """

    def nonce(size: int) -> bytes:
        """Return ``size`` octets that nobody can foresee; each call gives others.

        A server has no source of chance of its own.
        """

    def drain() -> Awaitable[None] | None:
        """Send what the server has put out so far; wait while the peer is slow.

        Returns:
            ``None`` when the transport takes more at once, or what to wait
            for. Called by a step that puts out much, about every 256 KiB.
        """

    def wake() -> None:
        """Ask the server for its next step soon, though no octets came.

        May be called at any time, from the reactor's thread only; calling
        more often than needed is harmless.
        """


class IServer(Interface):
    """One session of one protocol: octets in, steps and octets out.

    The pump calls ``connected`` once, then ``receive`` whenever octets come.
    After each it pulls: while ``next_step`` returns a coroutine it runs that
    to its end (never two at once) and sends ``take_output``. While a step
    waits, nothing is read from the peer beyond what has already come.
    """

    timeout = Attribute(
        """Seconds of silence from the peer that are allowed now, a ``float``;
        looked at whenever the server waits for octets. ``None``: no bound."""
    )
    closing = Attribute(
        """``True`` when, after the output, the connection is to be closed;
        no step is asked for any more."""
    )
    starting_tls = Attribute(
        """``True`` when, after the output, TLS begins: the pump forgets octets
        it has not handed over, starts TLS and calls ``tls_started``."""
    )

    def connected(connection: IConnection) -> None:
        """Begin: the greeting becomes output, unless a step has to make it."""

    def receive(octets: bytes) -> None:
        """Take what the transport read; decide nothing yet."""

    def next_step() -> Coroutine[Any, Any, None] | None:
        """Return the next thing to do, or ``None`` when more octets are needed.

        What needs no waiting may be done in the call itself, its answer left
        as output; ``None`` then means everything received has been dealt with.
        The coroutine raises nothing: what goes wrong becomes output, and our
        own bugs are handed to ``report`` (an argument of the constructor) and
        answered with the protocol's fixed text.
        """

    def take_output() -> bytes:
        """Return what is to be sent, once."""

    def tls_started() -> None:
        """Throw away every octet received before, and what the peer said in them.

        TLS is active from now on.

        Source: RFC 3207 section 4.2, RFC 9051 section 6.2.1, RFC 2595 section 4.
        """

    def timed_out() -> None:
        """The peer was silent too long: say goodbye as output, set ``closing``."""

    def shut_down() -> None:
        """The host stops: say goodbye as output, set ``closing``."""

    def lost() -> Coroutine[Any, Any, None] | None:
        """The connection is gone: release everything, exactly once.

        Called when no step runs any more: one that waits for a store goes on
        to its end first, one that waits in ``drain`` is closed. Returns what
        is left to wait for (a logout), or ``None``.
        """
