"""Tables in files, patterns, a few words: what they say, and when they change."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.plugin import getPlugins
from zope.interface.verify import verifyObject

from mailframe.delivery.lookups.broken import BrokenTable
from mailframe.delivery.lookups.entries import entry, logical_lines, values
from mailframe.delivery.lookups.pattern_file import PatternFile
from mailframe.delivery.lookups.static import StaticTable
from mailframe.delivery.lookups.table_file import TableFile
from mailframe.errors import TemporaryFailure
from mailframe.interfaces.lookup import ILookup, ILookupFactory
from mailframe.limits import AddressLimits
from tests.delivery.world import DeliveryTestCase


class LookupTestCase(DeliveryTestCase):
    """Files that change, and a clock."""

    kind: Any = TableFile

    def setUp(self) -> None:
        """A place for files, and nobody listening yet."""
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.clock = Clock()
        self.told: list[str] = []
        note: Any = self._note
        globalLogPublisher.addObserver(note)
        self.addCleanup(globalLogPublisher.removeObserver, note)

    def _note(self, event: Any) -> None:
        if "why" in event:
            self.told.append(event["why"])

    def write(self, name: str, text: str) -> str:
        """Write a file; its time is never that of the version before."""
        path = self.folder / name
        stamp = path.stat().st_mtime_ns + 1_000_000 if path.exists() else None
        path.write_text(text, "utf-8")
        if stamp is not None:
            os.utime(path, ns=(stamp, stamp))
        self.clock.advance(2)
        return str(path)

    def table(self, path: str, **limits: int) -> Any:
        """Return a table of a file."""
        return self.kind(
            path,
            seconds=self.clock.seconds,
            run=maybeDeferred,
            limits=AddressLimits(**limits),
        )

    def look(self, table: Any, key: str) -> Any:
        """Return what a table says."""
        return self.run_now(table.lookup(key))


class TableFileTests(LookupTestCase):
    """Aliases(5) and virtual files."""

    def test_contract(self) -> None:
        """It is an ILookup."""
        verifyObject(ILookup, self.table(self.write("a", "a: b\n")))

    def test_aliases(self) -> None:
        """Names, lists, quotes, commands, files, comments, continuations."""
        table = self.table(
            self.write(
                "aliases",
                "# people\n"
                "postmaster: alice, bob\n"
                "Info:\talice@example.org,\n"
                "\t# not this\n"
                '\t"a b"@example.org\n'
                'count: "|/usr/bin/count \\"all\\", now", /var/log/x, \\alice\n'
                '"two words": carol\n'
                "named: Carol Smith <carol@example.org>\n"
                "empty:\n",
            )
        )
        for key, expected in (
            ("postmaster", ["alice", "bob"]),
            ("POSTMASTER", ["alice", "bob"]),
            ("info", ["alice@example.org", "a b@example.org"]),
            ("count", ['|/usr/bin/count "all", now', "/var/log/x", "\\alice"]),
            ("two words", ["carol"]),
            ("named", ["carol@example.org"]),
            ("empty", []),
            ("nobody", None),
        ):
            self.assertEqual(self.look(table, key), expected)

    def test_virtual(self) -> None:
        """White space after the key; domains compare as U-labels."""
        table = self.table(
            self.write(
                "virtual",
                "Info@Example.org  alice@example.org, bob\n"
                "x@xn--bcher-kva.example carol\n"
                "@old.example\t@example.org\n",
            )
        )
        for key, expected in (
            ("info@example.org", ["alice@example.org", "bob"]),
            ("x@bücher.example", ["carol"]),
            ("X@BÜCHER.example", ["carol"]),
            ("@old.example", ["@example.org"]),
            ("y@old.example", None),
        ):
            self.assertEqual(self.look(table, key), expected)

    def test_include(self) -> None:
        """Included files may include others, and are read again when changed."""
        self.write("theirs", '"|/bin/sh", /etc/passwd, lmtp:/s, bob\n')
        table = self.table(
            self.write("aliases", 'x: "|/bin/true", :include:theirs, /box\n')
        )
        # Whose file it is does not say what runs here.
        self.assertEqual(
            self.run_now(table.lookup("x")),
            ["|/bin/true", ":|/bin/sh", ":/etc/passwd", ":lmtp:/s", "bob", "/box"],
        )
        self.write("inner", "carol\n")
        self.write("list", "# members\nalice, bob\n:include:inner\n")
        table = self.table(self.write("aliases", "list: :include:list, dave\n"))
        expected = ["alice", "bob", "carol", "dave"]
        self.assertEqual(self.look(table, "list"), expected)
        self.write("inner", "carol\nerin\n")
        expected = ["alice", "bob", "carol", "erin", "dave"]
        self.assertEqual(self.look(table, "list"), expected)

    def test_change(self) -> None:
        """A change is seen within a second, and not looked for more often."""
        table = self.table(self.write("a", "x: old\n"))
        self.assertEqual(self.look(table, "x"), ["old"])
        (self.folder / "a").write_text("x: newer\n")
        self.assertEqual(self.look(table, "x"), ["old"])
        self.clock.advance(1)
        self.assertEqual(self.look(table, "x"), ["newer"])

    def test_broken(self) -> None:
        """The last good version stays; the log names the line, once."""
        path = self.write("a", "x: good\n")
        table = self.table(path)
        self.assertEqual(self.look(table, "x"), ["good"])
        self.write("a", 'x: good\ny: "no end\n')
        for _ in range(3):
            self.assertEqual(self.look(table, "x"), ["good"])
            self.clock.advance(2)
        self.assertEqual(self.told, [f"{path}:2: a quote without its end"])
        os.unlink(path)
        self.clock.advance(2)
        self.assertEqual(self.look(table, "x"), ["good"])
        self.assertEqual(self.told[1:], [f"{path}: No such file or directory"])
        self.write("a", "x: better\n")
        self.assertEqual(self.look(table, "x"), ["better"])

    def test_never_good(self) -> None:
        """A table that could never be read is no table without entries."""
        table = self.table(str(self.folder / "none"))
        self.refused(table.lookup("x"), TemporaryFailure)

    def test_what_is_broken(self) -> None:
        """Each mistake is found, in its file and line."""
        self.write("self", ":include:self\n")
        self.write("bad", 'a\nb\n"c\n')
        for text, line, why in (
            ("x: a\nX: b\n", 2, "X is in line 1, too"),
            ("  a: b\n", 1, "a continuation of nothing"),
            (": b\n", 1, "no key"),
            ("x: :include:self\n", 1, "self includes itself"),
            ("a: b\nx: :include:none\n", 0, "No such file or directory"),
            ("x: :include:bad\n", 3, "a quote without its end"),
        ):
            self.told.clear()
            table = self.table(self.write("a", text))
            self.refused(table.lookup("x"), TemporaryFailure)
            (told,) = self.told
            self.assertTrue(told.endswith(f": {why}"), told)
            if line:
                self.assertIn(f":{line}: ", told)

    def test_not_utf8(self) -> None:
        """Octets that are no text are found as well."""
        path = self.folder / "latin"
        path.write_bytes(b"a: b\nx: caf\xe9\n")
        self.refused(self.table(str(path)).lookup("x"), TemporaryFailure)
        self.assertEqual(self.told, [f"{path}:2: not UTF-8"])

    def test_bounds(self) -> None:
        """Size and number of files have an end, the same file twice included."""
        table = self.table(self.write("big", "x: " + "y" * 100), table_file=99)
        self.refused(table.lookup("x"), TemporaryFailure)
        self.write("two", ":include:one\n:include:one\n")
        self.write("one", "a\n")
        path = self.write("many", "x: :include:two\ny: :include:two\n")
        self.refused(self.table(path, includes=5).lookup("x"), TemporaryFailure)
        self.assertEqual(len(self.look(self.table(path, includes=6), "x")), 2)


class EntriesTests(DeliveryTestCase):
    """The grammar, on anything."""

    @settings(max_examples=100, deadline=None)
    @given(st.text(alphabet='ab:,"\\# \t\n<>|/@', max_size=60))
    def test_anything(self, text: str) -> None:
        """Whatever a file has, it is values or a broken table."""
        try:
            for number, line in logical_lines("f", text.encode()):
                key, found = entry("f", number, line)
                self.assertTrue(key)
                self.assertNotIn("", found)
        except BrokenTable as error:
            self.assertIn("f:", str(error))

    def test_values(self) -> None:
        """Commas within quotes do not part values."""
        self.assertEqual(values("f", 1, 'a, "b, c" , d"e,f"'), ["a", "b, c", "de,f"])


class PatternFileTests(LookupTestCase):
    """Regular expressions."""

    kind = PatternFile

    def test_patterns(self) -> None:
        """The first that matches, with its groups put in."""
        table = self.table(
            self.write(
                "re",
                "# old names\n"
                "/^(.*)@old\\.example$/ $1@new.example\n"
                "/^list-(.+)@(.*)$/i  ${1}@$2, archive@${2}\n"
                "/a\\/b/  slash\n"
                "!/@example\\.org$/  other$$\n",
            )
        )
        for key, expected in (
            ("x@old.example", ["x@new.example"]),
            ("x@OLD.example", ["other$"]),
            ("LIST-y@example.org", ["y@example.org", "archive@example.org"]),
            ("a/b@example.org", ["slash"]),
            ("x@elsewhere.example", ["other$"]),
            ("x@example.org", None),
        ):
            self.assertEqual(self.look(table, key), expected)

    def test_what_is_broken(self) -> None:
        """Each mistake is found, with its line."""
        for line, why in (
            ("x y", "not /pattern/flags value"),
            ("/x/q y", "there is no flag 'q'"),
            ("/(x/ y", "not a pattern: "),
            ("/x/ $1", "there is no group $1"),
            ("!/(x)/ $1", "there is no group $1"),
            ("/(x)/ ${12}", "there is no group ${12}"),
        ):
            self.told.clear()
            table = self.table(self.write("re", f"/good/ a\n{line}\n"))
            self.refused(table.lookup("x"), TemporaryFailure)
            self.assertIn(f":2: {why}", self.told[0])


class StaticTableTests(DeliveryTestCase):
    """Tables on the command line."""

    def test_text(self) -> None:
        """Keys and values, in any case."""
        table = StaticTable.from_text("A@x.example=b,c; d = ;@y.example=@z.example")
        for key, expected in (
            ("a@X.example", ["b", "c"]),
            ("D", []),
            ("@y.example", ["@z.example"]),
            ("e", None),
        ):
            self.assertEqual(self.run_now(table.lookup(key)), expected)
        self.assertRaises(ValueError, StaticTable.from_text, "a;b")


class PluginTests(DeliveryTestCase):
    """What ``twisted.plugin`` finds."""

    def test_found(self) -> None:
        """Files, patterns and words are there, and check their arguments."""
        host: Any = SimpleNamespace(reactor=Clock())
        found = {one.lookup_type: one for one in getPlugins(ILookupFactory)}
        for kind, argument in (("file", "a"), ("regex", "a"), ("static", "a=b")):
            factory = found[kind]
            verifyObject(ILookupFactory, factory)
            verifyObject(ILookup, factory.make_lookup(argument, host))
        for kind in ("file", "regex"):
            self.assertRaises(ValueError, found[kind].make_lookup, "", host)
        self.assertRaises(ValueError, found["static"].make_lookup, "a", host)
