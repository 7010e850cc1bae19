"""What mail is taken and where it goes: the options, and what becomes of them.

A part of :mod:`mailframe.config_keys`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailframe.config_key import BadConfig, Key
from mailframe.config_value import choice, domain, domains

_TYPE = re.compile("[a-z][a-z0-9-]*:")

# priority-profile = 1*20(ALPHA / DIGIT / "-" / "_" / ".")  ; RFC 6710 section 7
_PROFILE = re.compile(r"[A-Za-z0-9_.-]{1,20}")

MAX_HOLD = 31_536_000
"""Seconds of the longest ``--future-release``: a year."""

RECEPTION_KEYS: tuple[Key, ...] = (
    Key(
        "aliases",
        "text",
        "aliases(5) file for our domains, read again when changed; or another table,"
        " TYPE:ARGS",
    ),
    Key(
        "virtual-domain",
        "list",
        "a domain whose addresses are in the --virtual tables only; repeatable",
    ),
    Key(
        "virtual",
        "list",
        "table of virtual addresses, TYPE:ARGS (file, regex, static, sql, ldap);"
        " repeatable,"
        " asked in order",
    ),
    Key("relay-domain", "list", "a domain we pass mail on for; repeatable"),
    Key(
        "public-address",
        "list",
        "IP address by which others reach this host through a router: mail to"
        " user@[IP] is then the first --domain's, as it is for the addresses we"
        " listen on; repeatable",
    ),
    Key(
        "separator",
        "text",
        "characters any of which begins the detail of an address, as the + in"
        " alice+lists@example.org [default: none]",
    ),
    Key(
        "check",
        "list",
        "look at mail on its way in: TYPE[,accept|defer|refuse][,SECONDS][,local]:ARGS,"
        " the words saying what a check that fails means, and whether it is for mail of"
        " programs on this machine, too; repeatable, asked in order:"
        " helo, sender, recipient, rate, tarpit, dnsbl, greylist, milter, policy"
        " (--help-check, docs/howto/policy.rst)",
    ),
    Key(
        "relay-from",
        "list",
        "network (CIDR) whose hosts may relay through us; repeatable",
    ),
    Key(
        "bare-newline",
        "text",
        "what becomes of a message with a bare CR or LF: reject, or normalize to"
        " CRLF [default: reject]",
    ),
    Key(
        "xclient-from",
        "list",
        "network (CIDR) of proxies that may say who their client is (XCLIENT,"
        " XFORWARD); repeatable",
    ),
    Key(
        "raise-priority",
        "list",
        "who may have mail go before that of others (MT-PRIORITY above 0): users,"
        " who has logged in; the address of a user; a network (CIDR); nobody;"
        " repeatable [default: users]",
    ),
    Key(
        "priority-policy",
        "text",
        "name of the policy by which priorities are given, as MT-PRIORITY announces"
        " it: MIXER, STANAG4406, NSEP or another [default: none is named]",
    ),
    Key(
        "transport",
        "list",
        "DOMAIN=TRANSPORT: how mail for a domain is delivered, lmtp:HOST:PORT,"
        " lmtp:/SOCKET, smtp:HOST:PORT, and for domains of ours mbox:/PATH/%n or"
        " pipe:/PROGRAM ARGS; .DOMAIN is all below it; repeatable"
        " (docs/howto/addresses.rst)",
    ),
    Key(
        "relay-recipients",
        "text",
        "table of the addresses that exist in relay domains, TYPE:ARGS"
        " [default: all are taken]",
    ),
    Key(
        "allow-programs",
        "switch",
        "let |PROGRAM in the alias file and in virtual files count",
    ),
    Key(
        "allow-files",
        "switch",
        "let /FILE, an mbox to append to, in those files count",
    ),
    Key(
        "program-user",
        "text",
        "whom programs run as, and who owns new mbox files, when we are root"
        " [default: nobody]",
    ),
    Key(
        "expn-from",
        "list",
        "network (CIDR) whose clients may ask who is on a list (EXPN); repeatable"
        " [default: EXPN is off]",
    ),
    Key(
        "etrn-from",
        "list",
        "network (CIDR) whose clients may have the queue of a relay domain tried now"
        " (ETRN); repeatable [default: ETRN is off]",
    ),
    Key(
        "future-release",
        "number",
        "seconds for which a user may have a message held back (FUTURERELEASE)"
        " [default: it is not offered]",
    ),
    Key(
        "require-tls",
        "switch",
        "offer REQUIRETLS: such mail goes on over verified TLS or comes back",
    ),
)
"""What can be set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceptionConfig:
    """What mail is taken and where it goes.

    Attributes:
        aliases: Table of aliases, ``""`` for none.
        virtual_domains: Domains all of whose addresses are in ``virtual``.
        virtual: Tables of addresses, in order.
        relay_domains: Domains we pass mail on for.
        public_addresses: IP addresses of this host beyond those it listens on.
        relay_recipients: Table of the addresses there, ``""`` for all.
        separators: What begins the detail of an address.
        transports: How the mail of domains is delivered, by domain.
        allow_programs: Whether tables may name programs.
        allow_files: Whether tables may name files.
        program_user: Whom programs run as when we are root.
        checks: Check strings, in order.
        relay_from: Networks whose hosts may relay.
        normalize_newlines: Whether bare CR and LF in a message become CRLF.
        xclient_from: Networks of proxies that may speak for their clients.
        raise_priority: Who may ask for a priority above 0.
        priority_policy: The name by which priorities are given, ``""`` for none.
        expn_from: Networks whose clients may ask who is on a list.
        etrn_from: Networks whose clients may start a queue.
        future_release: Seconds a message may be held back; 0: not offered.
        require_tls: Whether REQUIRETLS is offered.
    """

    aliases: str = ""
    virtual_domains: tuple[str, ...] = ()
    virtual: tuple[str, ...] = ()
    relay_domains: tuple[str, ...] = ()
    public_addresses: tuple[str, ...] = ()
    relay_recipients: str = ""
    separators: str = ""
    transports: Mapping[str, str]
    allow_programs: bool = False
    allow_files: bool = False
    program_user: str = "nobody"
    checks: tuple[str, ...] = ()
    relay_from: tuple[str, ...] = ()
    normalize_newlines: bool = False
    xclient_from: tuple[str, ...] = ()
    raise_priority: tuple[str, ...] = ("users",)
    priority_policy: str = ""
    expn_from: tuple[str, ...] = ()
    etrn_from: tuple[str, ...] = ()
    future_release: int = 0
    require_tls: bool = False


def reception_config(given: Mapping[str, Any]) -> ReceptionConfig:
    """Return what the options say.

    Args:
        given: Values by the name of their key, empty ones left out.

    Raises:
        BadConfig: A value is wrong.
    """
    hold: int = given.get("future-release", 0)
    if not 0 <= hold <= MAX_HOLD:
        raise BadConfig(f"--future-release {hold}: 0 to {MAX_HOLD} seconds")
    policy: str = given.get("priority-policy", "")
    if policy and not _PROFILE.fullmatch(policy):
        raise BadConfig(f"--priority-policy {policy}: 1 to 20 letters, digits, - _ .")
    return ReceptionConfig(
        aliases=_aliases(given.get("aliases", "")),
        virtual_domains=domains(given, "virtual-domain"),
        virtual=tuple(given.get("virtual", ())),
        relay_domains=domains(given, "relay-domain"),
        public_addresses=tuple(given.get("public-address", ())),
        relay_recipients=given.get("relay-recipients", ""),
        separators=given.get("separator", ""),
        transports=_transports(given),
        allow_programs=bool(given.get("allow-programs")),
        allow_files=bool(given.get("allow-files")),
        program_user=given.get("program-user", "nobody"),
        checks=tuple(given.get("check", ())),
        relay_from=tuple(given.get("relay-from", ())),
        normalize_newlines=choice(given, "bare-newline", ("reject", "normalize")) == 1,
        xclient_from=tuple(given.get("xclient-from", ())),
        raise_priority=tuple(given.get("raise-priority", ())) or ("users",),
        priority_policy=policy,
        expn_from=tuple(given.get("expn-from", ())),
        etrn_from=tuple(given.get("etrn-from", ())),
        future_release=hold,
        require_tls=bool(given.get("require-tls")),
    )


def _aliases(text: str) -> str:
    """Return a table; what has no TYPE is a file."""
    if not text or _TYPE.match(text):
        return text
    return f"file:{Path(text).absolute()}"


def _transports(given: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given.get("transport", ()):
        name, equals, transport = text.partition("=")
        if not equals or not transport:
            raise BadConfig(f"--transport {text}: not DOMAIN=TRANSPORT")
        dot = "." * name.startswith(".")
        name = dot + domain("transport", name.removeprefix("."))
        if found.setdefault(name, transport) != transport:
            raise BadConfig(f"--transport {name}: two of them")
    return found
