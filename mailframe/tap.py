"""``twistd mailframe``: the options, and the service made of them."""

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from twisted.application.service import IService
from twisted.cred.strcred import AuthOptionMixin
from twisted.python import usage

from mailframe.config import BadConfig, HostConfig, host_config, read_file
from mailframe.config_key import Key
from mailframe.config_keys import KEYS
from mailframe.interfaces.auth import IUsernamePassword


class Options(usage.Options, AuthOptionMixin):
    """Command-line options of ``twistd mailframe``, made from ``config_keys.KEYS``."""

    synopsis = "[options]"
    longdesc = (
        "A whole mail host: receives mail for its domains, keeps it, serves it"
        " over IMAP and POP3, takes submissions. With no option at all it is a"
        " sandbox on loopback with an account of its own. Every option is also"
        " a key of the --config file."
    )
    supportedInterfaces = (IUsernamePassword,)
    optParameters: list[Any] = [
        ["config", None, None, "TOML file with these options as keys"],
        *(
            [key.name, None, None, key.help, int if key.kind == "number" else None]
            for key in KEYS
            if key.kind in ("text", "number")
        ),
    ]
    optFlags: list[Any] = [
        [key.name, None, key.help] for key in KEYS if key.kind == "switch"
    ]

    host: HostConfig

    def opt_help_realm(self) -> None:
        """Show the kinds of realm and their arguments, and exit."""
        from mailframe.choice import realm_factories

        _show_kinds(
            (one.realm_type, one.realm_help, one.arg_string_format)
            for one in realm_factories()
        )

    def opt_help_check(self) -> None:
        """Show the kinds of check and their arguments, and exit."""
        from twisted.plugin import getPlugins

        from mailframe.interfaces.check import ICheckFactory

        _show_kinds(
            (one.check_type, one.check_help, one.arg_string_format)
            for one in getPlugins(ICheckFactory)
        )

    def opt_help_limits(self) -> None:
        """Show what --limit can set, with the defaults, and exit."""
        from textwrap import fill

        from mailframe.config_limits import every, meanings
        from mailframe.limits import Limits

        texts = meanings(Limits())
        for name, value in every(Limits()):
            print(f"{name}={value}")
            print(fill(texts[name], initial_indent="    ", subsequent_indent="    "))
        raise SystemExit(0)

    def postOptions(self) -> None:
        """Join file and command line, and check them.

        The command line has the last word on what both name.
        """
        try:
            settings = read_file(self["config"]) if self["config"] else {}
            settings.update({name: self[name] for name in self if self[name]})
            settings.pop("config", None)
            self.host = host_config(settings)
        except BadConfig as error:
            raise usage.UsageError(str(error)) from None


def _show_kinds(kinds: Iterable[tuple[str, str, str]]) -> NoReturn:
    """Show names of plugins, what they are and what arguments they take, and exit."""
    for name, what, arguments in sorted(kinds):
        print(f"{name}:ARGS\n    {what}\n    ARGS: {arguments}")
    raise SystemExit(0)


def _repeatable(key: Key) -> Callable[[Options, str], None]:
    """Return the method for an option that may be given several times."""

    def add(self: Options, text: str) -> None:
        self.setdefault(key.name, []).append(text)

    add.__doc__ = key.help
    return add


# usage.Options looks for the methods on the class.
for _key in KEYS:
    if _key.kind == "list":
        setattr(Options, f"opt_{_key.name.replace('-', '_')}", _repeatable(_key))


def makeService(options: Options) -> IService:
    """Return the mail host as a service; the sandbox says what it offers.

    What cannot be built or started ends the program with one line.
    """
    from twisted.internet import reactor

    from mailframe.log_lines import log_to_terminal
    from mailframe.sandbox import prepare_sandbox
    from mailframe.wiring import MailService

    class Program(MailService):
        """The host as the whole program: it ends when it cannot listen."""

        def setServiceParent(self, parent: Any) -> None:
            """Become the application's service, and see to its log."""
            super().setServiceParent(parent)  # type: ignore[no-untyped-call]
            if options.parent is not None:
                log_to_terminal(parent, options.parent)

        def privilegedStartService(self) -> None:
            """Bind the ports, or end with one line."""
            _or_end(super().privilegedStartService)

        def startService(self) -> None:
            """Start, or end with one line."""
            _or_end(super().startService)

    try:
        service = Program(options.host, reactor)
        if options.host.sandbox:
            print(prepare_sandbox(options.host), flush=True)
    except BadConfig as error:
        raise SystemExit(f"mailframe: {error}") from None
    return service


def _or_end(start: Callable[[], None]) -> None:
    """Start something; end the program with one line if that cannot be."""
    try:
        start()
    except BadConfig as error:
        raise SystemExit(f"mailframe: {error}") from None
