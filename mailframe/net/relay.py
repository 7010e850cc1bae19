"""Carries messages one hop out, over SMTP or LMTP.

A hop's addresses are tried in turn until one answers as a server should. How
much TLS it has to be is decided anew for each connection: what the operator or
the domain's MTA-STS policy says is in the hop, DANE and REQUIRETLS come on top.
Only where TLS is merely wished for is it left away when it does not work.

Source: RFC 5321 sections 3.3 and 5.1, RFC 7672 section 2.2, RFC 8461 section
2 (DANE goes first), RFC 8689 section 4.2.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from secrets import token_bytes
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    UNIXClientEndpoint,
    connectProtocol,
)
from twisted.internet.error import ConnectError
from twisted.logger import Logger
from zope.interface import implementer

from mailframe.errors import MailError, TemporaryFailure
from mailframe.interfaces.content import IContent
from mailframe.interfaces.delivery import Hop, IRelay
from mailframe.mime.header import first_value
from mailframe.model.envelope import Envelope, ForwardPath, ReversePath
from mailframe.net import dane, eager
from mailframe.net.deliver_by import check_time, with_delays
from mailframe.net.dns import Resolver, is_address
from mailframe.net.relay_connection import RelayConnection, TLSFailed
from mailframe.net.relay_content import header, prepare
from mailframe.net.relay_pool import RelayPool
from mailframe.net.routing import MXHop
from mailframe.net.tls_policy import ClientTLS, Security, TrustRoots
from mailframe.net.tls_report import NO_POLICY, AppliedPolicy, TLSFailure, TLSReports
from mailframe.sasl.client import Login
from mailframe.smtp.client import SMTPClient
from mailframe.smtp.client_event import Done
from mailframe.smtp.client_limits import ClientLimits
from mailframe.smtp.client_transaction import broken, left_over

_log = Logger()

CONNECT_TIMEOUT = 30.0
"""Seconds for one address to take a connection; Postfix has 30."""

MAX_ADDRESSES = 8
"""Addresses of one hop that are tried."""

IMPLICIT_TLS_PORT = 465
"""Where TLS comes first (RFC 8314 section 3.3)."""

NONCE = 18
"""Octets of chance for a login."""

KNOWN = 10_000
"""Hops of which it is remembered whether they report success."""

REQUIRE_TLS_FAILED = "5.7.30"

# They have no types.
_TCP4: Any = TCP4ClientEndpoint
_TCP6: Any = TCP6ClientEndpoint
_UNIX: Any = UNIXClientEndpoint
_connect: Any = connectProtocol

Connect = Callable[[str, int, Any], "Deferred[Any]"]


class Verdicts(tuple[MailError | None, ...]):
    """The verdicts on one message, and how it went.

    Attributes:
        host: The hop's host.
        dsn: Whether the server understands DSN, and so tells the sender of
            success itself where that is wanted (RFC 3461 section 5.2.2).
        by: Whether it understands DELIVERBY, and so minds the time.
        tls: Version, cipher and whether verified; ``None`` without TLS.
    """

    host: str
    dsn: bool
    by: bool
    tls: str | None


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one hop is to be reached.

    Attributes:
        security: How much TLS.
        addresses: Where it is.
        policy: What its domain wants, for reports.
    """

    security: Security
    addresses: tuple[str, ...]
    policy: AppliedPolicy


@implementer(IRelay)
class SMTPRelay:
    """Delivers to any hop, and keeps connections for what comes next."""

    def __init__(
        self,
        reactor: Any,
        *,
        hostname: str,
        roots: TrustRoots,
        resolver: Resolver | None = None,
        logins: Mapping[str, Login] | None = None,
        reports: TLSReports | None = None,
        use_dane: bool = True,
        limits: ClientLimits | None = None,
        pool: RelayPool | None = None,
        connect: Connect | None = None,
    ) -> None:
        """Prepare to deliver.

        Args:
            reactor: Provides IReactorTime, IReactorTCP and IReactorUNIX.
            hostname: What we call ourselves; should be in the DNS.
            roots: Authorities that are believed.
            resolver: Finds hosts a router has not found; ``None`` when all
                hops have addresses.
            logins: Names and passwords for smarthosts, by ``HOST`` or
                ``HOST:PORT``.
            reports: Told how TLS went.
            use_dane: Whether TLSA records are looked for.
            limits: How long to wait.
            pool: Keeps connections.
            connect: Given address, port and protocol, returns a Deferred of
                the protocol, connected; ``None`` for Twisted's endpoints.
        """
        self._reactor = reactor
        self._hostname = hostname
        self._roots = roots
        self._resolver = resolver
        self._logins = dict(logins or {})
        self._reports = reports
        self._use_dane = use_dane
        self._limits = limits or ClientLimits()
        self._pool = RelayPool(reactor) if pool is None else pool
        self._connect = connect or self._connect_endpoint
        self._reporting: dict[Hop, bool] = {}

    async def deliver(
        self, hop: Hop, envelope: Envelope, content: IContent
    ) -> Sequence[MailError | None]:
        """Hand one message to one hop.

        Returns:
            :class:`Verdicts`. What the server said is each one's ``reply``.

        Raises:
            TemporaryFailure: No connection, or it broke before a verdict on
                anybody. With a ``status`` that begins with 5 the hop will never
                do (REQUIRETLS): another may, trying this one again is in vain.
        """
        plan = await self._plan(hop, envelope.reverse_path, content)
        key = (hop, plan.security)
        paths = envelope.forward_paths
        settled: dict[int, MailError | None] = {}
        waiting = list(range(len(paths)))
        connection: RelayConnection | None = None
        stale = False
        try:
            while waiting:
                connection = None if stale else self._pool.take(key)
                if connection is None:
                    connection = await self._fresh(hop, plan)
                    self._pool.use(key, connection)
                following = connection.has_room_behind
                batch = waiting[: connection.client.max_recipients]
                done = await self._send(
                    hop,
                    key,
                    connection,
                    envelope,
                    [paths[index] for index in batch],
                    content,
                )
                stale = not stale and _was_stale(connection, done)
                if stale:
                    if following:
                        self._pool.let_alone(key)
                    continue
                again = left_over(done.verdicts)
                for place, index in enumerate(batch):
                    if place not in again:
                        settled[index] = _from_host(done.verdicts[place], hop.host)
                waiting = [batch[place] for place in again] + waiting[len(batch) :]
        except MailError as error:
            if not settled:
                raise
            for index in waiting:
                settled[index] = _from_host(error, hop.host)
            return self._verdicts(hop, settled, None)
        found = self._verdicts(hop, settled, connection)
        self._raise_if_useless(found)
        return found

    def reports(self, hop: Hop) -> bool:
        """Tell whether a hop itself reports success to senders who want that.

        As it said when the last message went there; ``False`` before.

        Source: RFC 3461 section 5.2.2.
        """
        return self._reporting.get(hop, False)

    def close(self) -> "Deferred[Any]":
        """End the connections that wait.

        Returns:
            Fires when they are gone. Deliveries under way are not touched.
        """
        return self._pool.close()

    # One message.

    async def _send(
        self,
        hop: Hop,
        key: Hashable,
        connection: RelayConnection,
        envelope: Envelope,
        paths: Sequence[ForwardPath],
        content: IContent,
    ) -> Done:
        """Send a message over a connection of the pool, and give that back."""
        path, offer = envelope.reverse_path, connection.client.offer
        now = self._reactor.seconds()
        try:
            if not hop.lmtp:
                # To be handed to whoever has the mailbox is to be there.
                check_time(path.deliver_by, offer, now)
                paths = with_delays(paths, path.deliver_by, offer, now)
            prepared = await prepare(path, paths, content, offer, now)
            done = await connection.send(prepared)
        except MailError:
            raise
        except BaseException:
            connection.abort()
            raise
        finally:
            self._pool.give(key, connection)
        return done

    def _verdicts(
        self,
        hop: Hop,
        settled: Mapping[int, MailError | None],
        connection: RelayConnection | None,
    ) -> Verdicts:
        found = Verdicts(settled[index] for index in sorted(settled))
        found.host = hop.host
        offer = connection.client.offer if connection is not None else ()
        found.dsn = "DSN" in offer
        found.by = "DELIVERBY" in offer
        if self._reporting.get(hop) is not found.dsn:
            self._reporting.pop(hop, None)
            self._reporting[hop] = found.dsn
            if len(self._reporting) > KNOWN:
                del self._reporting[next(iter(self._reporting))]
        evidence = connection.evidence if connection is not None else None
        found.tls = None if evidence is None else str(evidence)
        return found

    def _raise_if_useless(self, verdicts: Verdicts) -> None:
        """Raise what is no verdict on the recipients, but on the hop."""
        if None in verdicts:
            return
        errors = [error for error in verdicts if error is not None]
        if all(error.status == REQUIRE_TLS_FAILED for error in errors):
            raise _no_require_tls(verdicts.host)
        if all(
            isinstance(error, TemporaryFailure) and error.reply is None
            for error in errors
        ):
            raise errors[0]

    # The way there.

    async def _plan(self, hop: Hop, path: ReversePath, content: IContent) -> _Plan:
        """Decide how to reach a hop with this message."""
        if hop.port == 0:
            return _Plan(Security("none", ()), (hop.host,), NO_POLICY)
        addresses, secure, names = await self._located(hop)
        domain = hop.domain if isinstance(hop, MXHop) else ""
        level, policy = hop.tls, NO_POLICY
        sts = hop.sts if isinstance(hop, MXHop) else None
        if sts is not None and sts.mode != "none":
            policy = AppliedPolicy("sts", tuple(sts.lines()), sts.mx)
        tlsa: tuple[dane.TLSARecord, ...] = ()
        if secure and self._use_dane and self._resolver is not None and level != "none":
            found = await dane.lookup(self._resolver, names, hop.port)
            if found is not None:
                tlsa = found
                level = "verify" if found else _higher(level, "encrypt")
                policy = AppliedPolicy("tlsa", tuple(map(str, found)))
        by_policy = bool(tlsa) or (sts is not None and sts.mode == "enforce")
        if path.require_tls and path.address is not None:
            known = not isinstance(hop, MXHop) or secure
            if not (known or (sts is not None and sts.allows(hop.host))):
                raise _no_require_tls(hop.host)
            level = "verify"
        elif level != "may" and by_policy and await _says_tls_is_optional(content):
            level, tlsa = "may", ()
        wanted = (*names, domain) if tlsa and domain else (hop.host,)
        return _Plan(
            Security(level, tuple(dict.fromkeys(wanted)), tlsa), addresses, policy
        )

    async def _located(self, hop: Hop) -> tuple[tuple[str, ...], bool, tuple[str, ...]]:
        """Return addresses, whether they are secure, and names for TLSA records."""
        if isinstance(hop, MXHop) and hop.addresses:
            return hop.addresses, hop.secure, (hop.name or hop.host, hop.host)
        if is_address(hop.host):
            return (hop.host,), False, (hop.host,)
        if self._resolver is None:
            raise broken(f"{hop.host}: nobody knows where it is", "4.4.3")
        found = await self._resolver.addresses(hop.host)
        if not found.addresses:
            raise broken(f"{hop.host}: has no address", "4.4.4")
        return found.addresses, found.secure, (found.name, hop.host)

    async def _fresh(self, hop: Hop, plan: _Plan) -> RelayConnection:
        """Connect to the first address that answers as a server should."""
        trouble: TemporaryFailure = broken(f"{hop.host}: no address", "4.4.4")
        for address in plan.addresses[:MAX_ADDRESSES]:
            try:
                return await self._up(hop, plan, address)
            except TemporaryFailure as error:
                trouble = error
            _log.info(
                "{host} [{address}]: {trouble}",
                host=hop.host,
                address=address,
                trouble=str(trouble),
            )
        _from_host(trouble, hop.host)
        raise trouble

    async def _up(self, hop: Hop, plan: _Plan, address: str) -> RelayConnection:
        """Connect to one address, by TLS, or without where it is only wished for."""
        try:
            connection = await self._try(hop, plan.security, address)
        except TLSFailed as error:
            self._report(hop, plan, address, error.problem)
            if plan.security.level != "may" or self._login(hop) is not None:
                raise
            plain = replace(plan.security, level="none")
            return await self._try(hop, plain, address)
        except TemporaryFailure as error:
            if error.status == "4.7.4":
                self._report(hop, plan, address, "starttls-not-supported")
            raise
        self._report_up(hop, plan, address, connection)
        return connection

    async def _try(self, hop: Hop, security: Security, address: str) -> RelayConnection:
        level = security.level
        implicit = hop.port == IMPLICIT_TLS_PORT
        local = hop.port == 0 or address == "::1" or address.startswith("127.")
        client = SMTPClient(
            self._hostname,
            lmtp=hop.lmtp,
            starttls="none"
            if implicit or level == "none"
            else ("may" if level == "may" else "must"),
            login=self._login(hop),
            trusted=local,
            nonce=token_bytes(NONCE),
            limits=self._limits,
        )
        tls = ClientTLS(security, self._roots)
        connection = RelayConnection(client, self._reactor, tls=tls, implicit=implicit)
        try:
            await self._connect(address, hop.port, connection)
        except (ConnectError, OSError) as error:
            text = f"no connection: {type(error).__name__}"
            raise broken(text, "4.4.1") from None
        try:
            await connection.come_up()
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect_endpoint(
        self, address: str, port: int, protocol: Any
    ) -> "Deferred[Any]":
        reactor, kind = self._reactor, _TCP6 if ":" in address else _TCP4
        if port and eager.can_be_eager(reactor):
            return eager.connect(reactor, address, port, protocol, CONNECT_TIMEOUT)
        if port == 0:
            endpoint = _UNIX(reactor, address, CONNECT_TIMEOUT)
        else:
            endpoint = kind(reactor, address, port, CONNECT_TIMEOUT)
        connected: Deferred[Any] = _connect(endpoint, protocol)
        return connected

    def _login(self, hop: Hop) -> Login | None:
        return self._logins.get(f"{hop.host}:{hop.port}") or self._logins.get(hop.host)

    # TLS reports.

    def _report(self, hop: Hop, plan: _Plan, address: str, problem: str) -> None:
        if self._reports is not None and isinstance(hop, MXHop) and hop.domain:
            failure = TLSFailure(problem, hop.host, address)
            self._reports.failed(hop.domain, failure, plan.policy)

    def _report_up(
        self, hop: Hop, plan: _Plan, address: str, connection: RelayConnection
    ) -> None:
        """Report on a session that came up, for good or not."""
        evidence, kind = connection.evidence, plan.policy.kind
        if plan.security.level == "none":
            return
        if evidence is None:
            self._report(hop, plan, address, "starttls-not-supported")
        elif kind == "sts" and isinstance(hop, MXHop) and not _allowed(hop):
            self._report(hop, plan, address, "validation-failure")
        elif kind == "sts" and evidence.problem is not None:
            self._report(hop, plan, address, evidence.problem)
        elif self._reports is not None and isinstance(hop, MXHop) and hop.domain:
            self._reports.succeeded(hop.domain, plan.policy)


def _was_stale(connection: RelayConnection, done: Done) -> bool:
    """Tell whether a connection broke before the server had this message of several."""
    return (
        connection.client.broken
        and connection.client.messages > 1
        and not done.sent
        and None not in done.verdicts
        and all(isinstance(error, TemporaryFailure) for error in done.verdicts)
    )


def _allowed(hop: MXHop) -> bool:
    return hop.sts is None or hop.sts.allows(hop.host)


def _higher(level: str, least: str) -> str:
    return level if level == "verify" else least


def _from_host(error: MailError | None, host: str) -> MailError | None:
    """Return an error whose reply says which host it was."""
    if error is not None and error.reply is not None and not error.reply.host:
        error.reply = replace(error.reply, host=host)
    return error


def _no_require_tls(host: str) -> TemporaryFailure:
    error = TemporaryFailure(f"{host}: cannot keep what REQUIRETLS demands")
    error.status = REQUIRE_TLS_FAILED
    return error


async def _says_tls_is_optional(content: IContent) -> bool:
    """Tell whether the sender wants it sent at any rate (RFC 8689 section 3)."""
    value = first_value(await header(content), b"TLS-Required")
    return value is not None and value.lower() == b"no"
