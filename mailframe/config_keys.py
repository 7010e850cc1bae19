"""What can be set: options of the command line and keys of the TOML file.

One table, :data:`KEYS`; ``tap`` makes options of it and ``config.read_file``
accepts the same names, so the two cannot differ.
"""

from mailframe.config_key import Key
from mailframe.config_limits import KEY as LIMIT
from mailframe.config_reception import RECEPTION_KEYS
from mailframe.config_tls import TLS_KEYS

SERVICES = {
    "smtp": "receive mail from other hosts (STARTTLS)",
    "submission": "take mail from our users (STARTTLS, login required)",
    "submissions": "the same over implicit TLS",
    "lmtp": "take mail from a local MTA, a verdict for each recipient",
    "pop3": "serve POP3 (STLS)",
    "pop3s": "serve POP3 over implicit TLS",
    "imap": "serve IMAP (STARTTLS)",
    "imaps": "serve IMAP over implicit TLS",
}
"""What can listen, with a word on each."""

IMPLICIT_TLS = {"submissions": "submission", "pop3s": "pop3", "imaps": "imap"}
"""Services that begin with TLS, and the plain service each of them is."""

KEYS: tuple[Key, ...] = (
    Key("hostname", "text", "name in banners and Received [default: the FQDN]"),
    Key(
        "domain",
        "list",
        "a domain we receive mail for; repeatable, the first is the default"
        " [default: localhost]",
    ),
    Key(
        "state-dir",
        "text",
        "where mailframe keeps everything; created with mode 0700"
        " [default: ./mailframe-data]",
    ),
    Key(
        "auth",
        "list",
        "who may log in, TYPE:ARGS; repeatable, asked in order; see --help-auth"
        " [default: passwd:STATE-DIR/passwd]",
    ),
    Key(
        "realm",
        "text",
        "where mail is kept, TYPE:ARGS; see --help-realm"
        " [default: maildir:STATE-DIR/mail/%d/%n]",
    ),
    *(
        Key(
            name,
            "list",
            f"{what}; a Twisted endpoint such as tcp:2525, or a port; repeatable."
            " Naming any listener turns the sandbox's off",
        )
        for name, what in SERVICES.items()
    ),
    *TLS_KEYS,
    Key(
        "allow-plaintext-auth",
        "switch",
        "take passwords without TLS beyond loopback too",
    ),
    *RECEPTION_KEYS,
    Key(
        "smarthost",
        "list",
        "HOST:PORT[:user:passwordfile] all outbound mail goes to; repeatable, the"
        " next when one fails [default: by MX]",
    ),
    Key(
        "resolver",
        "list",
        "ADDRESS[:PORT] of a name server to ask; repeatable, in order. DANE needs"
        " one on loopback that validates [default: those of /etc/resolv.conf]",
    ),
    Key(
        "no-tls-reports",
        "switch",
        "do not tell domains that ask for it, once a day, how TLS with them went"
        " (RFC 8460)",
    ),
    Key(
        "fetch",
        "text",
        "TOML file of remote accounts to collect mail from (docs/howto/fetch.rst)",
    ),
    Key(
        "pickup-dir",
        "text",
        "directory in which mailframe sendmail drops mail [default: STATE-DIR/pickup]",
    ),
    Key(
        "pop3-apop",
        "switch",
        "offer APOP over POP3, if every password is kept as it is ({PLAIN})",
    ),
    Key(
        "pop3-expire",
        "text",
        "days for which mail stays, as POP3 announces it: never, a number, or 0,"
        " which removes at QUIT what was read with RETR [default: never]",
    ),
    Key(
        "pop3-login-delay",
        "number",
        "seconds between two POP3 logins of a user [default: 0]",
    ),
    Key(
        "urlauth-submitter",
        "list",
        "address of a user whose IMAP sessions follow URLs for a submission server"
        " elsewhere (docs/howto/urls.rst); repeatable",
    ),
    LIMIT,
    Key("workers", "number", "processes that serve [default: 1]", "more than one"),
)
"""Everything that can be set."""
