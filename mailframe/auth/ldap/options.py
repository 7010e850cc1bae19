"""What an LDAP backend can be told, checked before it serves anybody.

Source: RFC 4516 section 2 (the short form is an LDAP URL).
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from mailframe.auth.backend_limits import LIMIT_KEYS, BackendLimits, common_limits
from mailframe.auth.ldap.template import Template, dn_template, filter_template
from mailframe.auth.toml_file import TOMLFile
from mailframe.model.secret import Secret

NAMES = ("user", "local", "domain")
"""What a filter or DN may ask of a name."""

KEYS = {
    "servers": "texts",
    "starttls": "switch",
    "ca": "text",
    "certificate": "text",
    "key": "text",
    "base": "text",
    "scope": "text",
    "service.dn": "text",
    "service.password": "text",
    "service.password-file": "text",
    "service.external": "switch",
    "login.method": "text",
    "login.filter": "text",
    "login.dn": "text",
    "login.attribute": "text",
    "find.filter": "text",
    "attributes.address": "text",
    "attributes.aliases": "texts",
    "attributes.quota": "text",
    "attributes.home": "text",
    "attributes.extra": "named texts",
    "groups.base": "text",
    "groups.filter": "text",
    "groups.attribute": "text",
    "limits.threads": "number",
    "limits.connect-timeout": "number",
    "limits.retry": "number",
    "limits.page": "number",
    "limits.groups": "number",
    **LIMIT_KEYS,
}
"""Every key of the file and its kind; docs/howto/ldap.rst explains each."""

_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*(?:;[A-Za-z0-9-]+)*\Z")
"""An attribute description, RFC 4512 section 2.5."""

_PORTS = {"ldap": 389, "ldaps": 636}


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where one server is.

    Attributes:
        url: As it was written, without what follows the port.
        scheme: ``ldap``, ``ldaps`` or ``ldapi``.
        host: A name or an address; of ``ldapi`` the path of the socket.
        port: 1 to 65535; of ``ldapi`` 0.
    """

    url: str
    scheme: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Limits(BackendLimits):
    """How long and how much."""

    threads: int = 8
    """Questions asked at a time."""
    connect_timeout: float = 3.0
    """Seconds for a connection."""
    retry: float = 10.0
    """Seconds for which a server that failed is asked last."""
    page: int = 500
    """Entries a server sends at a time (RFC 2696)."""
    groups: int = 1000
    """Groups of one user; the others are left out, and that is logged."""


@dataclass(frozen=True, slots=True)
class LDAPOptions:
    """All a backend needs to know.

    Attributes:
        servers: In the order in which they are asked.
        base: Where users are looked for.
        scope: ``subtree`` or ``one-level``.
        starttls: Whether ``ldap://`` becomes TLS before anything else is said.
        tls: Verifies servers, and has our certificate if there is one.
        service_dn: Whom we search as; ``""`` is nobody in particular.
        service_password: That one's password.
        external: Whether we are who our certificate or our Unix user says.
        method: ``search``, ``template`` or ``compare``.
        login_filter: Finds who logs in.
        login_dn: For ``template``, the DN of who logs in.
        password_attribute: For ``compare``.
        find_filter: Finds who has an address.
        address: The attribute with the canonical address; ``""``: the login
            name is the address.
        aliases: Attributes with further addresses.
        quota: The attribute with the quota, or ``""``.
        home: The attribute with the home directory, or ``""``.
        extra: What else to tell of a user, and its attribute.
        group_base: Where groups are looked for.
        group_filter: Finds a user's groups; ``None``: there are none.
        group_attribute: What a shared mailbox is called after.
        limits: How long and how much.
    """

    servers: tuple[ServerAddress, ...]
    base: str
    tls: ssl.SSLContext
    login_filter: Template
    find_filter: Template
    scope: str = "subtree"
    starttls: bool = True
    service_dn: str = ""
    service_password: Secret | None = None
    external: bool = False
    method: str = "search"
    login_dn: Template | None = None
    password_attribute: str = "userPassword"
    address: str = "mail"
    aliases: tuple[str, ...] = ()
    quota: str = ""
    home: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    group_base: str = ""
    group_filter: Template | None = None
    group_attribute: str = "cn"
    limits: Limits = Limits()

    @property
    def attributes(self) -> list[str]:
        """Every attribute of a user that we use."""
        names = (self.address, *self.aliases, self.quota, self.home)
        return list(dict.fromkeys(filter(None, (*names, *self.extra.values()))))


def read_options(argstring: str) -> LDAPOptions:
    """Return the options of a TOML file, or of an LDAP URL.

    Args:
        argstring: The path of the file, or
            ``ldaps://HOST/BASE?ATTRIBUTE?SCOPE?FILTER``.

    Raises:
        ValueError: Something is wrong; one line that names the file and key.

    Source: RFC 4516 section 2.
    """
    if argstring.startswith(("ldap://", "ldaps://", "ldapi://")):
        return _from_url(argstring)
    if not argstring:
        raise ValueError("ldap needs a FILE or an LDAP URL")
    return options_of(TOMLFile(argstring, KEYS))


def server_address(url: str) -> ServerAddress:
    """Return where a URL points.

    Raises:
        ValueError: It is not the URL of an LDAP server.
    """
    wrong = ValueError(f"{url!r} is not ldap://HOST, ldaps://HOST or ldapi://SOCKET")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise wrong from None
    plain = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme == "ldapi":
        path = unquote(parts.netloc)
        if not path.startswith("/"):
            raise wrong
        return ServerAddress(plain, "ldapi", path, 0)
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None:
        raise wrong
    return ServerAddress(
        plain, parts.scheme, parts.hostname, port or _PORTS[parts.scheme]
    )


def _from_url(url: str) -> LDAPOptions:
    head, *rest = url.split("?")
    attribute, scope, text, *more = [*map(unquote, rest), *[""] * 3][:4]
    place = urlsplit(head)
    if scope not in ("", "sub", "one") or any(more) or len(rest) > 3:
        raise ValueError("the URL is not SERVER/BASE?ATTRIBUTE?sub or one?FILTER")
    if attribute and not _ATTRIBUTE.match(attribute):
        raise ValueError("the URL's ATTRIBUTE is not the name of one")
    base = unquote(place.path.removeprefix("/"))
    dn_template(base)
    address = attribute or "mail"
    finds = filter_template(text or f"({address}={{user}})", NAMES)
    return LDAPOptions(
        servers=(server_address(head),),
        base=base,
        scope="one-level" if scope == "one" else "subtree",
        tls=_tls(None),
        login_filter=finds,
        find_filter=finds,
        address=address,
    )


def options_of(
    file: TOMLFile,
    find_key: str = "find.filter",
    values: str = "attributes.aliases",
) -> LDAPOptions:
    """Return the options that a file has.

    Args:
        file: With the keys of a backend for logins, or of a table.
        find_key: Where the filter is that finds an address.
        values: Where the attributes are that become ``aliases``.

    Raises:
        ValueError: Something is wrong; one line for people.
    """
    file.need("servers")
    try:
        servers = tuple(server_address(url) for url in file.get("servers"))
    except ValueError as error:
        raise file.wrong("servers", str(error)) from None
    if not servers:
        raise file.wrong("servers", "is empty")
    for key in ("base", "service.dn", "groups.base"):
        file.checked(key, dn_template, "")
    for key in ("address", "quota", "home"):
        _attribute(file, f"attributes.{key}", file.get(f"attributes.{key}", ""))
    for key in (values, "attributes.extra"):
        value = file.get(key, ())
        for name in value.values() if isinstance(value, dict) else value:
            _attribute(file, key, name)
    for key in ("groups.attribute", "login.attribute"):
        _attribute(file, key, file.get(key, "cn"))
    method = file.choice("login.method", "search", "template", "compare")
    address = file.get("attributes.address", "mail")
    addressed = "".join(
        f"({name}={{user}})" for name in (address or "mail", *file.get(values, ()))
    )
    group_filter = None
    if file.get("groups.filter"):
        group_filter = file.checked(
            "groups.filter", lambda text: filter_template(text, (*NAMES, "dn")), ""
        )
    login_dn = None
    if method == "template":
        file.need("login.dn")
        login_dn = file.checked("login.dn", lambda text: dn_template(text, NAMES), "")
    return LDAPOptions(
        servers=servers,
        base=file.get("base", ""),
        scope=file.choice("scope", "subtree", "one-level"),
        starttls=file.get("starttls", True),
        tls=_tls(file),
        service_dn=file.get("service.dn", ""),
        service_password=_service_password(file),
        external=file.get("service.external", False),
        method=method,
        login_filter=file.checked("login.filter", _name_filter, "(mail={user})"),
        login_dn=login_dn,
        password_attribute=file.get("login.attribute", "userPassword"),
        find_filter=file.checked(find_key, _name_filter, f"(|{addressed})"),
        address=address,
        aliases=tuple(file.get(values, ())),
        quota=file.get("attributes.quota", ""),
        home=file.get("attributes.home", ""),
        extra=file.get("attributes.extra", {}),
        group_base=file.get("groups.base", file.get("base", "")),
        group_filter=group_filter,
        group_attribute=file.get("groups.attribute", "cn"),
        limits=_limits(file),
    )


def _name_filter(text: str) -> Template:
    return filter_template(text, NAMES)


def _attribute(file: TOMLFile, key: str, name: str) -> None:
    if name and not _ATTRIBUTE.match(name):
        raise file.wrong(key, f"{name!r} is not the name of an attribute")


def _service_password(file: TOMLFile) -> Secret | None:
    password = file.secret("service.")
    if bool(file.get("service.dn")) != bool(password):
        # A DN with an empty password would be nobody: RFC 4513 section 5.1.2.
        raise file.wrong("service.dn", "and service.password(-file) go together")
    if password and file.get("service.external"):
        raise file.wrong("service.external", "leaves no room for service.dn")
    return password


def _limits(file: TOMLFile) -> Limits:
    default = Limits()
    return Limits(
        threads=int(file.number("limits.threads", default.threads, 1, 100)),
        connect_timeout=file.number(
            "limits.connect-timeout", default.connect_timeout, 0.1, 60
        ),
        retry=file.number("limits.retry", default.retry, 0, 3600),
        page=int(file.number("limits.page", default.page, 1, 10_000)),
        groups=int(file.number("limits.groups", default.groups, 1, 100_000)),
        **common_limits(file),
    )


def _tls(file: TOMLFile | None) -> ssl.SSLContext:
    """Return what verifies servers; the name is checked by the connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # By service-identity, once the chain is verified: see tls.py.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    ca = file.readable("ca") if file else None
    if file is None or ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        try:
            context.load_verify_locations(ca)
        except ssl.SSLError:
            raise file.wrong("ca", f"{ca}: no certificates in it") from None
    certificate = file.readable("certificate") if file else None
    if file is not None and certificate is not None:
        try:
            # A key under a passphrase is refused, not asked for.
            context.load_cert_chain(certificate, file.readable("key"), lambda: "")
        except (ssl.SSLError, ValueError):
            raise file.wrong("certificate", "and key do not fit together") from None
    elif file is not None and file.get("key") is not None:
        raise file.wrong("key", "needs a certificate")
    return context
