"""Tests of :mod:`mailframe.auth.migrate`."""

from typing import Any

from twisted.internet.defer import execute

from mailframe.auth import migrate
from mailframe.auth.migrate import MigratingChecker
from mailframe.auth.passwd_checker import PasswdFileChecker
from mailframe.auth.passwd_file import PasswdFile
from mailframe.auth.password_hash import verify
from mailframe.interfaces.auth import UserEntry
from tests.auth.at_once import LoginCase, sha
from tests.auth.doubles import Backend, KnowingBackend


class MigratingTests(LoginCase):
    """A user moves with the first login."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(migrate, "_log", self)
        self.patch(migrate, "hash_argon2id", lambda secret: sha(secret.decode()))
        self.path = self.mktemp()
        self.write(self.path, "")
        self.file = PasswdFile(self.path)
        self.old = KnowingBackend(
            {"alice": "old", "alice@example.org": "old", "bob@b.example": "bob"}
        )
        self.checker = self.make(self.old)

    def make(self, old: Any) -> MigratingChecker:
        """Return a checker that moves users of ``old``."""
        new = PasswdFileChecker(
            self.path, "example.org", seconds=self.clock.seconds, run=execute
        )
        return MigratingChecker(old, new, self.file, "example.org", self.threads.run)

    def stored(self) -> dict[str, str]:
        """Return what the new file has."""
        with open(self.path, encoding="utf-8") as file:
            return dict(line.split(":", 1) for line in file.read().split())

    def test_moves(self) -> None:
        """The hash is in the new file, and the old backend is asked no more."""
        self.assert_in("alice", "old", b"alice@example.org")
        self.assertEqual(list(self.stored()), ["alice@example.org"])
        self.assertTrue(verify(b"old", self.stored()["alice@example.org"]))
        asked = len(self.old.asked)
        self.clock.advance(1)
        self.old.away = True
        self.assert_in("alice", "old", b"alice@example.org")
        self.assertEqual(len(self.old.asked), asked)

    def test_at_once(self) -> None:
        """Several connections at the first login are no trouble."""
        for _ in range(3):
            self.assert_in("alice", "old", b"alice@example.org")
        self.assertEqual(len(self.stored()), 1)

    def test_wrong(self) -> None:
        """Nobody moves with a wrong password."""
        self.assert_out("alice", "x")
        self.assert_out("nobody", "x")
        self.assertEqual(self.stored(), {})

    def test_changed_since(self) -> None:
        """Of one who has moved the old password is wrong, whoever says otherwise."""
        self.write(self.path, f"alice@example.org:{sha('new')}")
        self.assert_in("alice", "new", b"alice@example.org")
        self.assert_out("alice", "old")
        self.write(self.path, "alice@example.org:!")
        self.assert_out("alice", "old")
        self.assert_out("alice", "new")

    def test_another_name(self) -> None:
        """One who has moved is not let in by another name of the old backend."""
        self.write(self.path, f"alice@example.org:{sha('new')}")
        self.patch(
            self.old, "requestAvatarId", lambda credentials: b"alice@example.org"
        )
        self.assert_out("ally", "old")

    def test_same_time(self) -> None:
        """Both are asked, whether one has moved, has not, or is nobody."""
        self.write(self.path, f"alice@example.org:{sha('new')}")
        for name in ("alice", "bob@b.example", "nobody"):
            asked = len(self.old.asked)
            self.assert_out(name, "x")
            self.assertEqual(len(self.old.asked), asked + 1)

    def test_unsure(self) -> None:
        """While the old backend is away, only those who moved get an answer."""
        self.write(self.path, f"alice@example.org:{sha('new')}")
        self.old.away = True
        self.assert_in("alice", "new", b"alice@example.org")
        self.assert_out("alice", "x")
        self.assert_unsure("bob@b.example", "bob")

    def test_cannot_store(self) -> None:
        """Who cannot be stored comes in even so, and the log says why."""

        def full(address: str, stored: str) -> None:
            raise OSError(28, "No space left on device")

        self.patch(self.file, "add", full)
        self.assert_in("alice", "old", b"alice@example.org")
        self.assertIn("No space left", self.logged[-1])
        self.assertNotIn("old", self.logged[-1])
        self.patch(self.file, "add", lambda address, stored: int("x"))
        self.assert_in("alice", "old", b"alice@example.org")
        self.threads.full = True
        self.assert_in("alice", "old", b"alice@example.org")
        self.assertIn("too much to do", self.logged[-1])
        self.patch(self.old, "requestAvatarId", lambda credentials: "a b")
        self.assert_out("alice", "old")

    def test_find(self) -> None:
        """Both say who there is; the old backend, with what it knows, first."""
        self.write(self.path, "carol@example.org:")
        self.assertEqual(self.find("bob@b.example"), UserEntry("bob@b.example"))
        self.assertEqual(self.find("carol@example.org").address, "carol@example.org")
        self.assertIsNone(self.find("nobody@example.org"))
        self.old.away = True
        self.assert_find_fails("bob@b.example")
        self.assertEqual(self.find("carol@example.org").address, "carol@example.org")
        self.checker = self.make(Backend({}))
        self.assertIsNone(self.find("bob@b.example"))
