"""One connection to one server, verified before anything secret is said on it.

Everything here blocks, and runs in a thread.

Source: RFC 4511 section 4.1.9 (result codes).
"""

import math
import time
from collections.abc import Callable
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPExceptionError
from pyasn1.error import PyAsn1Error  # type: ignore[import-untyped]

from mailframe.auth.ldap.options import LDAPOptions, ServerAddress
from mailframe.auth.ldap.tls import VerifyingTLS


class Unanswered(Exception):
    """A server gave no answer we can use; the text says why, without secrets."""


# RFC 4511 section 4.1.9. What says that this name and password do not go in, be
# it for a policy of the directory; anything else is trouble, and no refusal.
_SUCCESS = 0
_SIZE_LIMIT_EXCEEDED = 4
_COMPARE_FALSE, _COMPARE_TRUE = 5, 6
_NO_SUCH_OBJECT = 32
_REFUSALS = {
    16: "noSuchAttribute",
    18: "inappropriateMatching",
    19: "constraintViolation",
    21: "invalidAttributeSyntax",
    32: "noSuchObject",
    34: "invalidDNSyntax",
    48: "inappropriateAuthentication",
    49: "invalidCredentials",
    50: "insufficientAccessRights",
    53: "unwillingToPerform",
}

Entry = tuple[str, dict[str, list[str]]]
"""A DN, and values by attribute in lower case."""


class LDAPConnection:
    """An open connection; after an :exc:`Unanswered` it is of no use."""

    def __init__(
        self,
        server: ServerAddress,
        options: LDAPOptions,
        deadline: float,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect, begin TLS, and verify the server; nobody is bound yet.

        Args:
            server: Which one.
            options: How.
            deadline: When to give up, by ``seconds``.
            seconds: A clock.

        Raises:
            Unanswered: That did not work.

        Source: RFC 4513 section 3.1.3.
        """
        self._options = options
        self._seconds = seconds
        self._deadline = deadline
        tls = VerifyingTLS(options.tls)
        limit = min(options.limits.connect_timeout, self._left())
        where = f"ldapi://{server.url[8:]}" if server.port == 0 else server.host
        self._connection = ldap3.Connection(
            # Not shared: it holds the address its one connection has.
            ldap3.Server(
                where,
                port=server.port or None,
                use_ssl=server.scheme == "ldaps",
                tls=tls,
                get_info=ldap3.NONE,
                connect_timeout=limit,
            ),
            # A referral would carry the password to a server nobody named.
            auto_referrals=False,
            check_names=False,
            auto_escape=False,
            return_empty_attributes=False,
            # For the TLS handshake; whole seconds is what it takes.
            receive_timeout=math.ceil(limit),
        )
        try:
            self._call(self._connection.open, read_server_info=False)
            if options.starttls and server.scheme == "ldap":
                self._call(self._connection.start_tls, read_server_info=False)
        except Unanswered as error:
            self.close()
            # Nothing secret was sent yet that its text could quote.
            why = tls.trouble or self._connection.last_error or str(error)
            raise Unanswered(why) from None

    def until(self, deadline: float) -> None:
        """Give up at ``deadline`` from now on."""
        self._deadline = deadline

    def close(self) -> None:
        """Close it; never fails."""
        transport = self._connection.socket
        if transport is not None:
            # Without an unbind: a server that hangs could block it.
            transport.close()

    def bind_service(self) -> None:
        """Become the service account, or stay nobody if there is none.

        Raises:
            Unanswered: The server does not take us.
        """
        options = self._options
        if options.external:
            self._connection.authentication = ldap3.SASL
            self._connection.sasl_mechanism = ldap3.EXTERNAL
            self._connection.sasl_credentials = ""
            self._call(self._connection.bind, read_server_info=False)
            if self._code() != _SUCCESS:
                raise Unanswered(f"EXTERNAL is refused: {self._description()}")
        elif options.service_password is not None and not self.bind(
            options.service_dn, options.service_password.reveal()
        ):
            raise Unanswered(f"the service account is refused: {self._description()}")

    def bind(self, dn: str, password: bytes) -> bool:
        """Tell whether this DN has this password, and become it if so.

        Raises:
            Unanswered: The server does not say.

        Source: RFC 4513 section 5.1.3; section 5.1.2 is why neither may be
            empty.
        """
        if not dn or not password:
            return False
        connection = self._connection
        connection.authentication = ldap3.SIMPLE
        connection.user, connection.password = dn, password
        try:
            self._call(connection.bind, read_server_info=False)
        finally:
            connection.password = connection.request = None
        return self._is_yes(_SUCCESS)

    def compare(self, dn: str, attribute: str, password: bytes) -> bool:
        """Tell whether the entry has the password in an attribute.

        Raises:
            Unanswered: The server does not say.

        Source: RFC 4511 section 4.10.
        """
        if not dn or not password:
            return False
        try:
            self._call(self._connection.compare, dn, attribute, password)
        finally:
            self._connection.request = None
        return self._code() != _COMPARE_FALSE and self._is_yes(_COMPARE_TRUE)

    def read(self, dn: str, attributes: list[str]) -> Entry | None:
        """Return one entry, or ``None`` if it is not there for us.

        Raises:
            Unanswered: The server does not say.
        """
        found = self._search(dn, ldap3.BASE, "(objectClass=*)", attributes)
        return found[0] if found else None

    def search(
        self, base: str, scope: str, text: str, attributes: list[str], most: int
    ) -> list[Entry]:
        """Return up to ``most`` entries, page by page.

        Args:
            base: Where to begin.
            scope: ``subtree`` or ``one-level``.
            text: The filter.
            attributes: Which to send.
            most: The bound; a server may keep its own, lower one, too.

        Raises:
            Unanswered: The server does not say.

        Source: RFC 4511 section 4.5, RFC 2696 section 3.
        """
        level = ldap3.LEVEL if scope == "one-level" else ldap3.SUBTREE
        page = self._options.limits.page
        if most <= page:
            return self._search(base, level, text, attributes, size_limit=most)
        found: list[Entry] = []
        cookie: bytes | None = None
        while len(found) < most:
            found += self._search(
                base, level, text, attributes, paged_size=page, paged_cookie=cookie
            )
            controls = self._connection.result.get("controls", {})
            cookie = controls.get(_PAGED, {}).get("value", {}).get("cookie")
            if not cookie:
                break
        return found[:most]

    def timed(self, call: Callable[[], bool]) -> tuple[bool, float]:
        """Return an answer, and the seconds it took."""
        begun = self._seconds()
        return call(), self._seconds() - begun

    def _search(
        self, base: str, scope: Any, text: str, attributes: list[str], **more: Any
    ) -> list[Entry]:
        self._call(
            self._connection.search,
            base,
            text,
            scope,
            # RFC 4511 section 4.5.1.8: "1.1" is no attribute at all.
            attributes=attributes or ["1.1"],
            **more,
        )
        code = self._code()
        if code == _NO_SUCH_OBJECT and scope == ldap3.BASE:
            return []
        if code not in (_SUCCESS, _SIZE_LIMIT_EXCEEDED):
            raise Unanswered(f"a search failed: {self._description()}")
        return [
            (one["dn"], _values(one["raw_attributes"]))
            for one in self._connection.response or ()
            if one["type"] == "searchResEntry"
        ]

    def _is_yes(self, yes: int) -> bool:
        code = self._code()
        if code == yes:
            return True
        if code in _REFUSALS:
            return False
        raise Unanswered(self._description())

    def _code(self) -> int:
        code: int = self._connection.result["result"]
        return code

    def _description(self) -> str:
        return str(self._connection.result["description"])

    def _left(self) -> float:
        left = self._deadline - self._seconds()
        if left <= 0:
            raise Unanswered("no time is left")
        return left

    def _call(self, call: Callable[..., Any], *args: Any, **named: Any) -> None:
        """Call, in the time there is.

        Raises:
            Unanswered: There was no answer, or rubbish.
        """
        limit = min(self._options.limits.timeout, self._left())
        try:
            if self._connection.socket is not None:
                self._connection.socket.settimeout(limit)
            call(*args, **named)
        except (LDAPExceptionError, OSError) as error:
            # The kind only: the text could quote what was sent.
            raise Unanswered(type(error).__name__) from None
        except (PyAsn1Error, ValueError, TypeError, LookupError, AttributeError):
            raise Unanswered("the answer is not LDAP") from None


_PAGED = "1.2.840.113556.1.4.319"
"""The control of RFC 2696."""


def _values(raw: dict[str, list[bytes]]) -> dict[str, list[str]]:
    """Return the values that are text, by attribute in lower case."""
    found: dict[str, list[str]] = {}
    for name, values in raw.items():
        texts = found.setdefault(name.lower(), [])
        for value in values:
            try:
                texts.append(value.decode("utf-8"))
            except UnicodeDecodeError:
                continue
    return found
