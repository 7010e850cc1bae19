"""Tests of :mod:`mailframe.auth.ldap.options`."""

import os
import re
from pathlib import Path
from textwrap import dedent
from typing import Any, cast

from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.ldap.options import KEYS, LDAPOptions, read_options, server_address
from mailframe.choice import make_checker
from mailframe.config import BadConfig
from mailframe.model.secret import Secret

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto" / "ldap.rst"


class OptionsCase(SynchronousTestCase):
    """Reads files."""

    def read(self, text: str) -> LDAPOptions:
        """Return the options of a file with this text."""
        self.path = os.path.abspath(self.mktemp())
        Path(self.path).write_text(text, "utf-8")
        return read_options(self.path)

    def assert_wrong(self, text: str, *words: str) -> None:
        """Make sure a file is refused in one line with its name and ``words``."""
        with self.assertRaises(ValueError) as caught:
            self.read(text)
        said = str(caught.exception)
        self.assertNotIn("\n", said)
        for word in (self.path, *words):
            self.assertIn(word, said)


class FileTests(OptionsCase):
    """A TOML file says everything."""

    def test_least(self) -> None:
        """Servers alone are enough; the rest has a default that is safe."""
        options = self.read('servers = ["ldap://one", "ldaps://two:7"]')
        self.assertEqual([one.port for one in options.servers], [389, 7])
        self.assertTrue(options.starttls)
        self.assertEqual((options.method, options.scope), ("search", "subtree"))
        named = {"user": "a@b", "local": "a", "domain": "b"}
        self.assertEqual(options.login_filter.fill(named), "(mail=a@b)")
        self.assertEqual(options.find_filter.fill(named), "(|(mail=a@b))")
        self.assertEqual(options.attributes, ["mail"])

    def test_find_filter(self) -> None:
        """Mail comes to the address and the aliases."""
        options = self.read(
            'servers = ["ldap://x"]\n[attributes]\naddress = "primary"\n'
            'aliases = ["alias", "mail"]\nextra = {forward = "fwd"}'
        )
        self.assertEqual(
            options.find_filter.fill({"user": "a", "local": "", "domain": ""}),
            "(|(primary=a)(alias=a)(mail=a))",
        )
        self.assertEqual(options.attributes, ["primary", "alias", "mail", "fwd"])

    def test_howto(self) -> None:
        """The file of the how-to is one, and it explains every key."""
        page = HOWTO.read_text("utf-8")
        [block] = re.findall(
            r"``ldap.toml``:\n\n\.\. code-block:: toml\n\n((?:(?: {3}.*)?\n)+)", page
        )
        secret = os.path.abspath(self.mktemp())
        Path(secret).write_text("hidden\n")
        block = dedent(block).replace("/etc/mailframe/ldap.password", secret)
        block = block.replace('ca = "/etc/ssl/example-ca.pem"\n', "")
        options = self.read(block)
        self.assertEqual(options.service_password, Secret(b"hidden"))
        self.assertNotIn("hidden", repr(options))
        missing = [key for key in KEYS if f"``{key}``" not in page]
        self.assertEqual(missing, [])

    def test_wrong(self) -> None:
        """What is wrong is named: file, key, and the nearest key there is."""
        good = 'servers = ["ldap://x"]\n'
        for text, *words in (
            ("", "servers is missing"),
            ("servers = []", "servers is empty"),
            ('servers = ["x"]', "servers", "'x' is not ldap://HOST"),
            ("servers = 7", "servers must be a list of texts"),
            ("servers", "Expected '=' after a key"),
            (good + 'bas = "x"', "no key 'bas'", "nearest is 'base'"),
            (good + 'base = "x"', "base is not a DN"),
            (good + '[service]\ndnn = "x"', "'service.dnn'", "'service.dn'"),
            (good + '[service]\ndn = "cn=x"', "service.dn", "go together"),
            (good + '[service]\ndn = ""\npassword = "x"', "go together"),
            (good + '[service]\ndn = "cn=x"\npassword = ""', "go together"),
            (
                good + '[service]\ndn = "cn=x"\npassword = "x"\nexternal = true',
                "service.external",
            ),
            (
                good + '[service]\ndn = "cn=x"\npassword-file = "/nowhere"',
                "service.password-file /nowhere: No such file",
            ),
            (good + '[login]\nmethod = "magic"', "login.method must be search or"),
            (good + '[login]\nmethod = "template"', "login.dn is missing"),
            (good + '[login]\nfilter = "uid"', "login.filter is not a filter"),
            (good + '[login]\nfilter = "(uid={usr})"', "login.filter has {usr}"),
            (good + '[login]\nfilter = "(x={dn})"', "login.filter has {dn}"),
            (good + '[groups]\nfilter = "(x={who})"', "groups.filter has {who}"),
            (good + '[attributes]\nquota = "a b"', "attributes.quota 'a b'"),
            (good + '[attributes]\naliases = ["x)"]', "attributes.aliases 'x)'"),
            (good + '[attributes.extra]\nx = "(y"', "attributes.extra '(y'"),
            (good + "[limits]\nthreads = 0", "limits.threads must be 1 to 100"),
            (good + '[limits]\nthreads = "x"', "limits.threads must be a number"),
            (good + "limits = 3", "no key 'limits'"),
            (good + "starttls = 1", "starttls must be true or false"),
            (good + 'scope = "base"', "scope must be subtree or one-level"),
            (good + 'ca = "/nowhere"', "ca /nowhere: No such file"),
            (good + 'key = "/nowhere"', "key needs a certificate"),
        ):
            self.assert_wrong(text, *words)

    def test_bad_certificates(self) -> None:
        """A file without certificates is none; no passphrase is asked for."""
        rubbish = os.path.abspath(self.mktemp())
        Path(rubbish).write_text("rubbish")
        for key in ("ca", "certificate"):
            self.assert_wrong(f'servers = ["ldap://x"]\n{key} = "{rubbish}"', key)

    def test_no_file(self) -> None:
        """A file that is not there is named, and so is none at all."""
        with self.assertRaisesRegex(ValueError, "/nowhere: No such file"):
            read_options("/nowhere")
        with self.assertRaisesRegex(ValueError, "needs a FILE"):
            read_options("")

    def test_no_secret_in_errors(self) -> None:
        """A password in the wrong place is not repeated."""
        for text in (
            '[service]\npassword = ["hunter2"]', 'service = "hunter2"',
            '[limits]\nthreads = "hunter2"', 'password = "hunter2"',
            '[service]\npassword = "hunter2"',
        ):  # fmt: skip
            with self.assertRaises(ValueError) as caught:
                self.read(f'servers = ["ldap://x"]\n{text}')
            self.assertNotIn("hunter2", str(caught.exception))


class URLTests(SynchronousTestCase):
    """An LDAP URL is the short form."""

    def test_whole(self) -> None:
        """Server, base, attribute, scope and filter."""
        options = read_options(
            "ldaps://h.example:7/dc=a%20b,dc=org?email?one?(&(uid={local})(x=%3f))"
        )
        self.assertEqual(options.servers, (server_address("ldaps://h.example:7"),))
        self.assertEqual((options.base, options.scope), ("dc=a b,dc=org", "one-level"))
        self.assertEqual(options.address, "email")
        self.assertEqual(
            options.login_filter.fill({"user": "", "local": "a", "domain": ""}),
            "(&(uid=a)(x=?))",
        )

    def test_short(self) -> None:
        """Everything but the server can be left out."""
        options = read_options("ldap://[::1]")
        self.assertEqual(options.servers[0].host, "::1")
        self.assertEqual((options.base, options.scope), ("", "subtree"))
        self.assertTrue(options.starttls)

    def test_socket(self) -> None:
        """A Unix socket is named with its slashes encoded."""
        address = server_address("ldapi://%2Frun%2Fldapi")
        self.assertEqual(address.host, "/run/ldapi")

    def test_wrong(self) -> None:
        """What is not one is refused."""
        for text in (
            "ldap://", "ldap:///dc=x", "ldaps://h:port/", "ldapi://run", "ldap://u@h/",
            "ldap://h/dc=x??base", "ldap://h/x", "ldap://h/dc=x?a b",
            "ldap://h/dc=x???uid", "ldap://h/dc=x????ext", "ldap://h/dc=x?????",
            "ldap://h:99999",
        ):  # fmt: skip
            with self.assertRaises(ValueError, msg=text):
                read_options(text)


class PluginTests(SynchronousTestCase):
    """``--auth ldap:`` makes a checker."""

    def test_made(self) -> None:
        """It gets the host's default domain."""
        checker = make_checker(
            "ldap:ldaps://h/dc=x", "Example.org", cast(Any, None), b""
        )
        self.assertEqual(checker.default_domain, "example.org")

    def test_refused(self) -> None:
        """What is wrong is one line for the operator."""
        with self.assertRaisesRegex(BadConfig, "--auth ldap: /nowhere: No such"):
            make_checker("ldap:/nowhere", "example.org", cast(Any, None), b"")
