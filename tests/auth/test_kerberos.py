"""Tests of :mod:`mailframe.auth.kerberos`, with a real realm."""

import importlib
import os
from pathlib import Path
from typing import Any

from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, execute
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mailframe.errors import TemporaryFailure
from mailframe.interfaces.auth import ICredentialsChecker
from mailframe.interfaces.credentials import (
    ISecurityContext,
    ISecurityContextSource,
    KerberosName,
)
from tests.auth.kdc import KDC, REALM
from tests.host import Host, run
from tests.peers import missing, require


def kerberos() -> Any:
    """Return the module, or do not run the test."""
    try:
        return importlib.import_module("mailframe.auth.kerberos")
    except ImportError:
        missing("the Python package gssapi")


class CheckerTests(SynchronousTestCase):
    """Which names come in, and what happens without keys."""

    def setUp(self) -> None:
        """Have a checker without a keytab."""
        self.checker = kerberos().KerberosChecker(
            "/nonexistent/keytab", REALM, "example.org", run=execute
        )

    def test_interfaces(self) -> None:
        """It provides what it says."""
        verifyObject(ICredentialsChecker, self.checker)
        verifyObject(ISecurityContextSource, self.checker)

    def test_names(self) -> None:
        """Users of the realm, under their own name."""
        for principal, wanted, found in (
            ("alice@EXAMPLE.ORG", None, b"alice@example.org"),
            ("alice@EXAMPLE.ORG", b"alice", b"alice@example.org"),
            ("alice@EXAMPLE.ORG", b"alice@example.org", b"alice@example.org"),
            ("alice@EXAMPLE.ORG", b"bob", None),
            ("alice@EXAMPLE.COM", None, None),
            ("alice/admin@EXAMPLE.ORG", None, None),
            ("a\\@b@EXAMPLE.ORG", None, None),
            ("alice", None, None),
            ("@EXAMPLE.ORG", None, None),
        ):
            credentials = KerberosName(principal, wanted)
            if found is None:
                self.assertRaises(
                    UnauthorizedLogin, self.checker.requestAvatarId, credentials
                )
            else:
                asked = self.checker.requestAvatarId(credentials)
                self.assertEqual(self.successResultOf(asked), found)

    def test_no_keytab(self) -> None:
        """Without keys nobody can be asked: that is no wrong password."""
        failed: Deferred[Any] = Deferred.fromCoroutine(self.checker.security_context())
        self.failureResultOf(failed, TemporaryFailure)


class RealmTests(SynchronousTestCase):
    """Cyrus SASL and curl with tickets, against a running host."""

    def setUp(self) -> None:
        """Start a realm and a host that accepts its tickets."""
        kerberos()
        self.kdc = KDC()
        self.addCleanup(self.kdc.close)
        for name, value in self.kdc.variables.items():
            self.patch(os, "environ", {**os.environ, name: value})
        self.host = Host(
            f"--auth=kerberos:{REALM}:{self.kdc.keytab}", "--auth=passwd:state/passwd"
        )
        self.addCleanup(self.host.close)

    def test_context(self) -> None:
        """Rubbish is no token."""
        checker = kerberos().KerberosChecker(
            self.kdc.keytab, REALM, "example.org", run=execute
        )
        begun: Deferred[Any] = Deferred.fromCoroutine(checker.security_context())
        context = self.successResultOf(begun)
        verifyObject(ISecurityContext, context)
        self.assertFalse(context.complete)
        failed: Deferred[Any] = Deferred.fromCoroutine(context.step(b"rubbish"))
        self.failureResultOf(failed, UnauthorizedLogin)

    def test_cyrus(self) -> None:
        """With alice's ticket alice gets in, with bob/admin's nobody."""
        for principal, password, welcome in (
            ("alice", "alice-secret", True),
            ("bob/admin", "bob-secret", False),
        ):
            self.kdc.log_in(principal, password)
            for program, service in (
                ("imtest", "imap"),
                ("pop3test", "pop3"),
                ("smtptest", "submission"),
            ):
                path = Path("/usr/lib/cyrus/bin", program)
                said = run(
                    str(path) if path.exists() else require(program),
                    *("-m", "GSSAPI", "-u", "alice" if welcome else ""),
                    *("-p", str(self.host.port[service]), "localhost"),
                    octets=b". LOGOUT\r\nQUIT\r\n",
                    status=None,
                    env=self.kdc.environment,
                ).stdout
                self.assertEqual(b"Authenticated." in said, welcome, said)

    def test_curl(self) -> None:
        """Curl reads mail with a ticket."""
        self.kdc.log_in("alice", "alice-secret")
        said = run(
            require("curl"),
            *("-sS", "-k", "-v", "--ssl-reqd", "--login-options", "AUTH=GSSAPI"),
            *("-u", f"alice@{REALM}:", f"imap://localhost:{self.host.port['imap']}/"),
            env=self.kdc.environment,
        ).stdout
        self.assertIn(b"INBOX", said)
