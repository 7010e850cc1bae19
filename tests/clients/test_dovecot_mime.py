"""Dovecot reads the same messages: structure and sections are the same.

Where the two differ for broken mail, ``DECIDED`` says what the RFCs say; there
ours is not compared.
"""

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mailframe.imap.cursor import Cursor
from mailframe.imap.section import Parts, section
from mailframe.imap.serialize import without_nul
from mailframe.mime.lines import to_crlf
from mailframe.mime.structure import structure
from mailframe.mime.wire import body_and_structure
from tests.clients.test_dovecot import CONFIG
from tests.mime.broken import BROKEN, random_message
from tests.peers import require

RANDOM = 400
"""Random messages; thousands were compared when this was written."""

DECIDED = {
    "ct_broken": "a type that is none is text/plain (RFC 2045 section 5.2)",
    "ct_broken2": "the same",
    "ct_broken3": "the same",
    "ct_empty": "the same",
    "mp_noboundary": "the same: a multipart has to name its boundary",
    "mp_emptyboundary": "the same",
    "ct_html": "of two parameters with one name the first counts",
    "ct_noval": "a parameter without a value is none (RFC 2045 section 5.1)",
    "cd_empty": "an empty Content-Disposition is none",
    "cd_params": "Content-Disposition needs no Content-Type (RFC 2183 section 2)",
    "cte_weird": "Content-Transfer-Encoding needs no Content-Type",
    "cte_junk": "the same",
    "rfc2231": "parameters are decoded and told in UTF-8 (RFC 2231 section 6)",
    "rfc2231_gap": "the same",
    "8bit_param": "the same",
    "unquoted_special": "a value without quotes ends at the semicolon",
    "unquoted_slash": "the same",
    "unclosed_quote": "the same",
    "long_param": "how long a parameter may be",
    "mp_prefix": "a boundary is a whole line (RFC 2046 section 5.1.1, delimiter)",
    "mp_boundary_trailing_space": "no boundary ends with a space (bchars)",
    "mp_nested_same": "the boundary of the outer multipart comes first",
    "mp_nested_prefix": "the line end before a boundary is part of it",
    "mp_nested_prefix2": "the same",
    "rfc822_mp": "the same",
    "only_header": "no empty line where there is none (RFC 9051 section 6.4.5.1)",
}

SECTIONS = (
    *("HEADER", "TEXT", "1", "1.MIME", "1.HEADER", "1.TEXT", "2", "2.MIME", "2.1"),
    *("2.TEXT", "2.HEADER", "3", "3.1", "HEADER.FIELDS (SUBJECT FROM)"),
    *("HEADER.FIELDS.NOT (SUBJECT TO)", "2.HEADER.FIELDS (SUBJECT)"),
)
_ITEM = re.compile(rb" ?BODY\[([^\]]*)\] (?:\{(\d+)\}\r\n|NIL|\"((?:[^\"\\]|\\.)*)\")")
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"|\{(\d+)\}\r\n|([^ ()"]+)')


def parsed(octets: bytes, position: int = 0) -> tuple[Any, int]:
    """Read a value of a response; return it and where it ends."""
    if octets[position : position + 1] == b"(":
        found = []
        position += 1
        while octets[position : position + 1] != b")":
            value, position = parsed(octets, position)
            found.append(value)
            position += octets[position : position + 1] == b" "
        return found, position + 1
    match = _STRING.match(octets, position)
    assert match is not None, octets[position : position + 80]
    if match[2]:
        end = match.end() + int(match[2])
        return octets[match.end() : end], end
    if match[1] is not None:
        return re.sub(rb"\\(.)", rb"\1", match[1]), match.end()
    return None if match[3] == b"NIL" else match[3], match.end()


def common(value: Any) -> Any:
    """Return a body structure without what each server may tell as it likes.

    That are capitals, the charset of a text that names none, and the envelopes of
    messages in it.
    """
    if not isinstance(value, list):
        return value.lower() if isinstance(value, bytes) else value
    value = [common(one) for one in value]
    if len(value) > 9 and value[:2] == [b"message", b"rfc822"]:
        value[7] = None
    if len(value) > 7 and value[0] == b"text" and isinstance(value[2], list):
        value[2] = [*value[2]]
        if value[2][-2:] == [b"charset", b"us-ascii"]:
            value[2] = value[2][:-2]
        value[2] = value[2] or None
    return value


def as_user(user: pwd.struct_passwd) -> dict[str, Any]:
    """Return what runs a program as the user."""
    if os.getuid() != 0:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class DovecotReadsTests(SynchronousTestCase):
    """Two readers of one Maildir."""

    def setUp(self) -> None:
        """Write the Maildir, and have Dovecot answer everything."""
        imapd = require("imap")
        random = Random(20)
        self.messages = dict(BROKEN)
        for number in range(RANDOM):
            self.messages[f"random {number}"] = random_message(random)
        user = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        directory = self.make_directory(user)
        items = " ".join(f"BODY.PEEK[{one}]" for one in SECTIONS).encode()
        said = self.asked(
            [imapd, "-c", str(directory / "dovecot.conf")],
            (b"SELECT INBOX", b"FETCH 1:* BODYSTRUCTURE", b"FETCH 1:* (%b)" % items),
            env={**os.environ, "USER": user.pw_name, "HOME": str(directory / "home")},
            **as_user(user),
        )
        self.structures: dict[int, Any] = {}
        self.sections: dict[int, dict[str, bytes]] = {}
        self.listen(said)

    def make_directory(self, user: pwd.struct_passwd) -> Path:
        """Return a directory with Maildir and configuration, the user's."""
        directory = Path(mkdtemp(prefix="mailframe-mime-"))
        self.addCleanup(shutil.rmtree, directory)
        for name in ("home", "run", "mail/cur", "mail/new", "mail/tmp"):
            (directory / name).mkdir(parents=True)
        for number, octets in enumerate(self.messages.values()):
            (directory / f"mail/cur/{10**6 + number}.M{number}.x:2,S").write_bytes(
                octets
            )
        (directory / "dovecot.conf").write_text(
            CONFIG.format(
                directory=directory,
                maildir=directory / "mail",
                user=user.pw_name,
                group=user.pw_gid,
            )
        )
        if os.getuid() == 0:
            for one in (directory, *directory.rglob("*")):
                os.chown(one, user.pw_uid, user.pw_gid)
        return directory

    def asked(
        self, program: list[str], commands: tuple[bytes, ...], **options: Any
    ) -> bytes:
        """Give commands one after the other; return all that is said."""
        said = []
        with subprocess.Popen(
            program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            **options,
        ) as process:
            for command in commands:
                process.stdin.write(b"t %b\r\n" % command)
                process.stdin.flush()
                for line in process.stdout:
                    said.append(line)
                    if line.startswith(b"t OK "):
                        break
            process.stdin.close()
        return b"".join(said)

    def listen(self, said: bytes) -> None:
        """Take what Dovecot has said apart."""
        position = 0
        while position < len(said):
            head = re.compile(rb"\* (\d+) FETCH \((?:(BODYSTRUCTURE) )?").match(
                said, position
            )
            if head is not None:
                number, position = int(head[1]), head.end()
                if head[2]:
                    self.structures[number], position = parsed(said, position)
                while item := _ITEM.match(said, position):
                    position = item.end() + int(item[2] or 0)
                    octets = said[item.end() : position] if item[2] else item[3] or b""
                    told = self.sections.setdefault(number, {})
                    told[item[1].decode()] = octets
            position = said.index(b"\r\n", position) + 2

    def test_same(self) -> None:
        """BODYSTRUCTURE and every form of BODY[] are the same."""
        self.assertEqual(len(self.structures), len(self.messages))
        self.assertEqual(len(self.sections), len(self.messages))
        for number, (name, message) in enumerate(self.messages.items(), 1):
            if name in DECIDED:
                continue
            octets = to_crlf(message)
            parts = Parts.of(octets)
            structure_told, _ = parsed(body_and_structure(structure(octets))[1])
            self.assertEqual(
                common(structure_told), common(self.structures[number]), name
            )
            for one in SECTIONS:
                wanted = section(Cursor(f"[{one}]".encode()))
                extent = wanted.extent(parts)
                ours = b""
                if extent is not None:
                    ours = without_nul(wanted.filtered(octets[slice(*extent)]))
                if extent is not None or not one[-1].isdigit():
                    theirs = self.sections[number][one]
                    if theirs == ours + b"\r\n":
                        # The line end before a boundary is part of it
                        # (RFC 2046 section 5.1.1), after another boundary too.
                        theirs = ours
                    self.assertEqual(ours, theirs, (name, one))
