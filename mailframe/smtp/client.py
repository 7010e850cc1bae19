"""An SMTP or LMTP session towards a server: octets in, events and octets out.

The driver hands over what the transport read (``receive``), pulls
``next_event`` until it is ``None`` and sends ``take_output``. Commands are sent
together where the server offers PIPELINING; their answers are expected in the
order they were sent, so one queue is all the state there is.

A session is used for one message after another. The commands of the next one
may go along with the end of the content of the one before: its verdict is then
the first answer, and a connection that breaks leaves two messages open, of
which the server has at most the first. RSET is sent only where a transaction
was begun and not finished.

Source: RFC 5321 sections 3 and 4, RFC 2920 section 3.1, RFC 3207, RFC 2033,
RFC 3030.
"""

from collections import deque
from collections.abc import Callable
from functools import partial

from mailframe.errors import BadSyntax, MailError
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.model.envelope import BodyType
from mailframe.sasl.client import Carrier, ClientExchange, Login, best
from mailframe.smtp import client_commands as commands
from mailframe.smtp.client_commands import Delivery
from mailframe.smtp.client_content import BdatWriter, DataWriter
from mailframe.smtp.client_event import (
    Done,
    Event,
    Failed,
    Ready,
    SendContent,
    StartTLS,
)
from mailframe.smtp.client_limits import ClientLimits
from mailframe.smtp.client_offer import Offer
from mailframe.smtp.client_reply import Reply, ReplyReader
from mailframe.smtp.client_transaction import (
    Transaction,
    broken,
    impossible,
    recipient_refusal,
)

EARLY_CONTENT = 65_536
"""Octets of content that are sent along with the recipients, where BDAT and
PIPELINING allow it: a round trip less, at most this much sent for nothing."""


_Then = Callable[[Reply], None]


class SMTPClient:
    """One session.

    Attributes:
        offer: What the server offers, as it said last.
        tls: Whether the connection is protected.
        trusted: Whether a password may go to the server as it is.
        authenticated: Whether we have logged in.
        broken: Whether the connection is of no use any more.
        messages: Transactions begun.
    """

    def __init__(
        self,
        hostname: str,
        *,
        lmtp: bool = False,
        starttls: str = "may",
        login: Login | None = None,
        trusted: bool = False,
        nonce: bytes = b"",
        limits: ClientLimits | None = None,
    ) -> None:
        """Wait for the greeting.

        Args:
            hostname: What we call ourselves.
            lmtp: Whether the server speaks LMTP.
            starttls: ``none``, ``may`` or ``must``.
            login: Who we are; ``None`` for nobody.
            trusted: Whether a password may go there as it is: a Unix socket,
                or loopback. The driver sets the attribute when TLS has shown
                that it may.
            nonce: 18 octets that nobody can foresee; needed with ``login``.
            limits: How long to wait.
        """
        self._hostname = hostname
        self._lmtp = lmtp
        self._starttls = starttls
        self._login = login
        self._nonce = nonce
        self.trusted = trusted
        self._limits = limits or ClientLimits()
        self._reader = ReplyReader()
        self._output: list[bytes] = []
        self._events: deque[Event] = deque()
        self._expected: deque[tuple[_Then, float]] = deque()
        self._unsent: deque[tuple[bytes, _Then, float]] = deque()
        self._transaction: Transaction | None = None
        self._behind: Transaction | None = None
        self._needs_reset = False
        self._ready = False
        self._securing = False
        self.offer = Offer()
        self.tls = False
        self.authenticated = False
        self.broken = False
        self.messages = 0
        self._expected.append((self._greeted, self._limits.greeting_timeout))

    # What the driver does.

    def receive(self, octets: bytes) -> None:
        """Take what the transport read; nothing between STARTTLS and TLS."""
        if not self._securing:
            self._reader.receive(octets)

    def next_event(self) -> Event | None:
        """Return what happened, ``None`` when more octets are needed."""
        while not self._events and not self.broken:
            try:
                reply = self._reader.next_reply()
            except BadSyntax:
                self._break(broken("what the server says is not SMTP", "4.5.0"))
                break
            if reply is None:
                break
            self._take(reply)
        return self._events.popleft() if self._events else None

    def take_output(self) -> bytes:
        """Return what is to be sent, once."""
        output = b"".join(self._output)
        self._output.clear()
        return output

    @property
    def timeout(self) -> float | None:
        """Seconds the server may be silent now; ``None`` while we owe it something.

        Source: RFC 5321 section 4.5.3.2.
        """
        if self._expected:
            return self._expected[0][1]
        return self._limits.block_timeout if self.wants_content else None

    @property
    def has_room_behind(self) -> bool:
        """Whether a transaction is under way that another one may follow closely.

        It may where the content of the first goes by DATA, and is small or sent.

        Source: RFC 2920 section 3.1 (the content may be the first in a group).
        """
        transaction = self._transaction
        return (
            transaction is not None
            and self._behind is None
            and "PIPELINING" in self.offer
            and "CHUNKING" not in self.offer
            and (transaction.ended or _is_small(transaction.delivery))
            and not self.broken
        )

    def tls_started(self) -> None:
        """Go on over TLS; nothing the server said before is believed.

        Source: RFC 3207 section 4.2.
        """
        self.tls = True
        self._securing = False
        self.offer = Offer()
        self._say_hello()

    def takes(self, delivery: Delivery) -> bool:
        """Tell whether a transaction may begin now."""
        if self._transaction is None:
            return self._ready and not self.broken
        return (
            self.has_room_behind and impossible(delivery, self.offer, self.tls) is None
        )

    def begin(self, delivery: Delivery) -> None:
        """Begin a transaction, at once or behind the one that is under way.

        Its events come after those of the one before.

        Args:
            delivery: At most as many recipients as ``max_recipients``.

        Raises:
            ValueError: The session does not take it now, or there is no recipient.
        """
        if not (delivery.forward_paths and self.takes(delivery)):
            raise ValueError("not now")
        self.messages += 1
        chunked = "CHUNKING" in self.offer and self._pays(delivery)
        pipelining = "PIPELINING" in self.offer
        early = chunked and pipelining and not self._lmtp and _is_small(delivery)
        transaction = Transaction(delivery, chunked, early)
        if self._transaction is None:
            self._transaction = transaction
            self._say_envelope(transaction)
        else:
            self._behind = transaction
            if self._transaction.ended:
                self._say_envelope(transaction)

    def _say_envelope(self, transaction: Transaction) -> None:
        """Send all that may go before the first answer."""
        transaction.begun = True
        delivery, pipelining = transaction.delivery, "PIPELINING" in self.offer
        error = impossible(delivery, self.offer, self.tls)
        if error is not None:
            transaction.settle_rest(error)
            return self._done()
        seconds = self._limits.command_timeout
        if self._needs_reset:
            self._needs_reset = False
            self._queue(b"RSET\r\n", self._ignored, seconds)
        mail = commands.mail(delivery, self.offer, self.authenticated)
        self._queue(mail, self._mail_answered, seconds)
        for index, path in enumerate(delivery.forward_paths):
            then = partial(self._rcpt_answered, index)
            self._queue(commands.rcpt(path, self.offer), then, seconds)
        if transaction.early:
            self._begin_content()
        elif pipelining and not transaction.chunked:
            self._queue_data()
        return self._send()

    @property
    def max_recipients(self) -> int:
        """How many recipients a transaction may have (RFC 9422 section 5)."""
        limit = self.offer.limit("RCPTMAX") or self._limits.recipients
        return min(limit, self._limits.recipients)

    @property
    def worn(self) -> bool:
        """Whether the connection had as many messages as it should carry."""
        limit = self.offer.limit("MAILMAX") or self._limits.messages
        return self.messages >= min(limit, self._limits.messages)

    @property
    def wants_content(self) -> bool:
        """Whether more content may be written."""
        transaction = self._transaction
        return (
            transaction is not None
            and transaction.writer is not None
            and not transaction.ended
            and transaction.refused is None
        )

    def write(self, octets: bytes) -> None:
        """Send the next octets of the content, cut anywhere.

        When the server has refused meanwhile, this and ``finish`` do nothing.
        """
        if not self.wants_content:
            return
        transaction = self._transaction
        assert transaction is not None
        assert transaction.writer is not None
        piece = transaction.writer.feed(octets)
        if piece:
            if transaction.chunked:
                self._expected.append((self._chunk_answered, self._limits.end_timeout))
            self._output.append(piece)

    def finish(self) -> None:
        """The content is complete: send its end."""
        if not self.wants_content:
            return
        transaction = self._transaction
        assert transaction is not None
        assert transaction.writer is not None
        self._output.append(transaction.writer.finish())
        transaction.ended = True
        count = len(transaction.taken) if self._lmtp else 1
        for place in range(count):
            then = partial(self._end_answered, place)
            self._expected.append((then, self._limits.end_timeout))
        if self._behind is not None:
            self._say_envelope(self._behind)

    def give_up(self, error: MailError) -> None:
        """The connection is gone, or the content cannot be read: settle the rest.

        What was refused for good stays so; a recipient without a verdict gets
        ``error``, as does a session that has not come up.
        """
        if not self.broken:
            self._break(error)

    def quit(self) -> None:
        """Say goodbye; nothing is begun any more."""
        if not self.broken:
            self.broken = True
            self._output.append(b"QUIT\r\n")

    # The session.

    def _greeted(self, reply: Reply) -> None:
        if reply.code != 220:
            return self._break(reply.as_temporary("4.3.2"))
        return self._say_hello()

    def _say_hello(self) -> None:
        verb = "LHLO" if self._lmtp else "EHLO"
        seconds = self._limits.greeting_timeout
        hello = commands.line(f"{verb} {self._hostname}")
        self._queue(hello, self._hello_answered, seconds)
        self._send()

    def _hello_answered(self, reply: Reply) -> None:
        if reply.code == 250:
            self.offer = Offer(reply.lines[1:])
            return self._secure()
        if reply.permanent and not self._lmtp and not self.tls:
            hello = commands.line(f"HELO {self._hostname}")
            self._queue(hello, self._helo_answered, self._limits.greeting_timeout)
            return self._send()
        return self._break(reply.as_temporary("4.3.2"))

    def _helo_answered(self, reply: Reply) -> None:
        if reply.code != 250:
            return self._break(reply.as_temporary("4.3.2"))
        return self._secure()

    def _secure(self) -> None:
        """Start TLS where it is offered and wanted (RFC 3207 section 4)."""
        if self.tls or self._starttls == "none":
            self._log_in()
        elif "STARTTLS" in self.offer:
            seconds = self._limits.greeting_timeout
            self._queue(b"STARTTLS\r\n", self._starttls_answered, seconds)
            self._send()
        elif self._starttls == "must":
            self._break(broken("STARTTLS is not offered", "4.7.4"))
        else:
            self._log_in()

    def _starttls_answered(self, reply: Reply) -> None:
        if reply.code == 220:
            # Octets behind the 220 came without protection.
            self._reader.forget()
            self._securing = True
            self._events.append(StartTLS())
        elif self._starttls == "must" or reply.positive:
            self._break(reply.as_temporary("4.7.4"))
        else:
            self._log_in()

    def _log_in(self) -> None:
        """Say who we are, by the best mechanism there is (RFC 4954 section 4)."""
        if self._login is None:
            return self._come_up()
        carrier = Carrier(self.trusted, self._nonce)
        mechanism = best(self.offer.mechanisms, self._login, carrier)
        if mechanism is None:
            return self._break(broken("no AUTH mechanism that is safe here", "4.7.4"))
        exchange = ClientExchange(mechanism)
        words = [b"AUTH", exchange.name, exchange.begin()]
        self._queue_login(exchange, b" ".join(word for word in words if word))
        return self._send()

    def _queue_login(self, exchange: ClientExchange, line: bytes) -> None:
        then = partial(self._login_answered, exchange)
        self._queue(line + b"\r\n", then, self._limits.command_timeout)

    def _login_answered(self, exchange: ClientExchange, reply: Reply) -> None:
        try:
            if reply.code == 334:
                line = exchange.feed(reply.lines[0].encode())
                self._queue_login(exchange, line)
                return self._send()
            if reply.code == 235:
                exchange.finish()
                self.authenticated = True
                return self._come_up()
        except (BadSyntax, UnauthorizedLogin):
            if reply.code == 334:
                self._queue_login(exchange, b"*")
                return self._send()
        return self._break(reply.as_temporary("4.7.8"))

    def _come_up(self) -> None:
        self._ready = True
        self._events.append(Ready())

    # The transaction.

    def _pays(self, delivery: Delivery) -> bool:
        """Tell whether BDAT is better than DATA: one round trip less, or binary."""
        if delivery.reverse_path.body is BodyType.BINARY_MIME:
            return True
        return "PIPELINING" in self.offer and not self._lmtp and _is_small(delivery)

    def _mail_answered(self, reply: Reply) -> None:
        transaction = self._transaction
        assert transaction is not None
        if reply.code == 250:
            return
        transaction.settle_rest(reply.verdict())
        if "PIPELINING" not in self.offer:
            self._unsent.clear()
            self._done()

    def _rcpt_answered(self, index: int, reply: Reply) -> None:
        transaction = self._transaction
        assert transaction is not None
        if reply.code in (250, 251, 252):
            transaction.taken.append(index)
        else:
            transaction.settle(index, recipient_refusal(reply))
        if index + 1 < len(transaction.delivery.forward_paths):
            return
        if transaction.early or (
            "PIPELINING" in self.offer and not transaction.chunked
        ):
            return
        if not self._anyone_left():
            self._needs_reset = True
            self._done()
        elif transaction.chunked:
            self._begin_content()
        else:
            self._queue_data()

    def _anyone_left(self) -> bool:
        """Tell whether a recipient was taken, all RCPT being answered."""
        transaction = self._transaction
        assert transaction is not None
        return not transaction.is_settled

    def _queue_data(self) -> None:
        self._queue(b"DATA\r\n", self._data_answered, self._limits.data_timeout)

    def _data_answered(self, reply: Reply) -> None:
        transaction = self._transaction
        assert transaction is not None
        left = self._anyone_left()
        if reply.code == 354 and left:
            self._begin_content()
        elif reply.code == 354:
            # RFC 2920 section 3.1: nobody is left, and still it wants to be sent.
            self._output.append(b".\r\n")
            self._expected.append((self._nothing_answered, self._limits.end_timeout))
        elif reply.positive and left:
            self._break(broken("a success where 354 was due", "4.5.0"))
        else:
            self._needs_reset = True
            transaction.settle_rest(reply.verdict())
            self._done()

    def _nothing_answered(self, reply: Reply) -> None:
        self._done()

    def _begin_content(self) -> None:
        transaction = self._transaction
        assert transaction is not None
        binary = transaction.delivery.reverse_path.body is BodyType.BINARY_MIME
        transaction.writer = BdatWriter(binary) if transaction.chunked else DataWriter()
        self._events.append(SendContent())

    def _chunk_answered(self, reply: Reply) -> None:
        transaction = self._transaction
        assert transaction is not None
        if reply.code != 250 and transaction.refused is None:
            transaction.refused = reply
        if transaction.refused is not None and not (
            self._expected or transaction.ended
        ):
            self._needs_reset = True
            transaction.settle_rest(transaction.refused.verdict())
            self._done()

    def _end_answered(self, place: int, reply: Reply) -> None:
        """Take the verdict: on everybody, or with LMTP on one recipient."""
        transaction = self._transaction
        assert transaction is not None
        if transaction.refused is not None:
            reply = transaction.refused
            self._needs_reset = True
            if self._lmtp:
                # The rest of its answers nobody can foretell.
                self.broken = True
                self._expected.clear()
        verdict = None if reply.code == 250 else reply.verdict()
        if not self._lmtp or transaction.refused is not None:
            if verdict is not None and transaction.chunked:
                self._needs_reset = True
            transaction.settle_rest(verdict)
            return self._done()
        transaction.settle(transaction.taken[place], verdict)
        if place + 1 == len(transaction.taken):
            self._done()
        return None

    def _done(self) -> None:
        """Report on the transaction; the one behind it is the next."""
        transaction = self._transaction
        assert transaction is not None
        self._transaction, self._behind = self._behind, None
        self._events.append(Done(transaction.verdicts(), transaction.ended))
        following = self._transaction
        if following is not None and not (following.begun or self.broken):
            self._say_envelope(following)

    # Replies and commands.

    def _queue(self, octets: bytes, then: _Then, seconds: float) -> None:
        self._unsent.append((octets, then, seconds))

    def _send(self) -> None:
        """Send what may be sent now: one command, or all of them."""
        pipelining = "PIPELINING" in self.offer
        while self._unsent and (pipelining or not self._expected):
            octets, then, seconds = self._unsent.popleft()
            self._output.append(octets)
            self._expected.append((then, seconds))

    def _take(self, reply: Reply) -> None:
        if not self._expected:
            return self._surprised(reply)
        then, _ = self._expected.popleft()
        if reply.code == 421:
            # RFC 5321 section 3.8: it closes the connection, whatever was asked.
            return self._break(reply.refusal())
        then(reply)
        return None if self.broken else self._send()

    def _surprised(self, reply: Reply) -> None:
        """Deal with a reply nobody asked for.

        In the middle of the data it can only be a refusal of the message: the
        rest need not be sent, but then neither can anything else.
        """
        if self.wants_content and not reply.positive:
            return self._break(reply.refusal())
        return self._break(reply.as_temporary("4.5.0"))

    def _ignored(self, reply: Reply) -> None:
        """RSET may be answered with anything."""

    def _break(self, error: MailError) -> None:
        self.broken = True
        self._unsent.clear()
        self._expected.clear()
        if not self._ready:
            self._events.append(Failed(error))
        while self._transaction is not None:
            self._transaction.settle_rest(error)
            self._done()
            error = broken("the session ended before its turn")


def _is_small(delivery: Delivery) -> bool:
    return delivery.size is not None and delivery.size <= EARLY_CONTENT
