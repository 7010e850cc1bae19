"""What the examples of RFC 9051 begin with."""

from base64 import b64decode
from dataclasses import replace
from typing import Any

from twisted.cred.portal import Portal

from mailframe.interfaces.auth import IUsernamePassword
from mailframe.interfaces.credentials import IClientCertificate
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.model.mailbox import mailbox_name
from mailframe.model.scram_keys import ScramKeys, derived
from mailframe.testing.transcript import FAKE_TLS, FakeConnection
from tests.imap.given.rfc3501 import JULY_1996, MEETING, fill, text
from tests.imap.world import World, done, place
from tests.sasl.world import Checker

JONES = b"From: Jones\r\n\r\n"

JANUARY_2007 = 1_167_609_600
"""New Year, after every date of the examples."""

SECOND_MEETING = MEETING.replace(b"IMAP4rev1", b"IMAP4rev2")
"""The header of the message of section 8, of which the examples give the size."""


class _Checker(Checker):
    """Knows ``test`` by a password, ``user`` by SCRAM, Alice by a certificate."""

    async def scram_keys(self, username: bytes, digest: str) -> ScramKeys:
        """Return the keys of RFC 7677 section 3."""
        salt = b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
        return derived(b"pencil", salt, 4096, digest).keys

    async def _is_alice(self, one: Any) -> Any:
        if IClientCertificate.providedBy(one):
            return one.subject == "alice"
        if IUsernamePassword.providedBy(one):
            return (one.username, one.password) == (b"test", b"test")
        return await super()._is_alice(one)


class Realm:
    """Has one account."""

    def __init__(self, account: Any) -> None:
        self._account = account

    def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
        """Return the account."""
        return IMailAccount, self._account, lambda: None


def mechanisms(world: World) -> None:
    """Offer the mechanisms of section 6.2.2 and 8; TLS knows Alice."""
    realm: Any = Realm(world.account)
    world.door = Portal(realm, [_Checker()])

    def prepare(connection: FakeConnection) -> None:
        if connection.tls is not None:
            connection.tls = replace(FAKE_TLS, client_subject="alice")

    world.prepare = prepare
    sample(world)


def logins(world: World) -> None:
    """Know those who log in in sections 6.2.3 and 7."""
    world.door.passwords |= {
        "SMITH": "SESAME",
        "fred": "blurdybloop",
        "FRED FOOBAR": "fat man",
    }


def noop(world: World) -> None:
    """Have 22 messages, of which the fourteenth has UID 1305 (section 6.1.2)."""
    box = world.box()
    fill(box, 13, {})
    place(box, uid=1305, flags="\\Seen")
    fill(box, 22, {})


def select(world: World) -> None:
    """Have the mailboxes of sections 6.3.2 and 6.3.3."""
    for name, count, validity, uid_next in (
        ("INBOX", 172, 3_857_529_045, 4392),
        ("Drafts", 5, 987_741_038, 102),
        ("blurdybloop", 17, 3_857_529_045, 4392),
    ):
        box = world.box(name)
        fill(box, count, {})
        box.uid_validity, box.uid_next = validity, uid_next


def names(world: World) -> None:
    """Have the mailboxes of section 6.3.5."""
    fill(world.box(), 5, {})
    world.box("blurdybloop")
    world.box("foo/bar")


def _subscribe(world: World, *names: str) -> None:
    for name in names:
        done(world.account.subscribe(mailbox_name(name), True))


def fruit(world: World) -> None:
    """Have the hierarchy of section 6.3.9.8, example 1."""
    for name in (
        "Fruit",
        "Fruit/Apple",
        "Fruit/Banana",
        "Tofu",
        "Vegetable",
        "Vegetable/Broccoli",
        "Vegetable/Corn",
    ):
        world.box(name)
    _subscribe(
        world, "INBOX", "Fruit/Banana", "Fruit/Peach", "Vegetable", "Vegetable/Broccoli"
    )


def foo(world: World) -> None:
    """Have the hierarchy of section 6.3.9.8, example 7."""
    for name in ("Foo", "Foo/Bar", "Foo/Baz", "Moo"):
        world.box(name)
    _subscribe(world, "Foo/Baz")


def twos(world: World) -> None:
    """Have the hierarchy of section 6.3.9.8, example 8."""
    subscribed = (
        "foo2/bar1",
        "foo2/bar2",
        "baz2/bar2",
        "baz2/bar22",
        "baz2/bar222",
        "eps2",
        "eps2/mamba",
        "qux2/bar2",
    )
    for name in ("foo2", "baz2", *subscribed):
        world.box(name)
    _subscribe(world, *subscribed)


def levels(world: World) -> None:
    """Have the mailboxes of section 6.3.9.8, examples 9 and 10."""
    world.box("foo")
    world.box("music/rock")
    _subscribe(world, "foo/bar")


def counts(world: World) -> None:
    """Have the mailboxes of section 6.3.9.8, example 11."""
    fill(world.box(), 17, {1: "\\Seen"}, usual="")
    fill(world.box("foo"), 30, {1: "\\Seen"}, usual="")
    world.box("bar/low")
    _subscribe(world, "INBOX", "foo/low")


def status(world: World) -> None:
    """Have the mailbox of section 6.3.11."""
    box = world.box("blurdybloop")
    fill(box, 231, {})
    box.uid_next = 44_292


def append(world: World) -> None:
    """Have what section 6.3.12 finds, with the UIDs it tells."""
    for name in ("saved-messages", "meeting"):
        box = world.box(name)
        box.uid_validity = 38_505
    world.box("saved-messages").uid_next = 3954
    world.box("meeting").uid_next = 3956
    box = world.box()
    for uid in (303, 304, 319, 320):
        place(box, uid=uid, flags="\\Seen")


def idle(world: World) -> None:
    """Have the three messages of section 6.3.13."""
    fill(world.box(), 3, {})
    world.box().uid_validity = 1


def search(world: World) -> None:
    """Have what the examples of section 6.4.4 look for."""
    box = world.box()
    place(box, uid=7, flags="\\Seen")
    for number in (2, 10, 11):
        fill(box, number - 1, {4: ""})
        place(box, JONES, flags="\\Seen \\Flagged", date=JULY_1996)
    fill(box, 26, {}, usual="\\Seen \\Deleted")
    fill(box, 42, {})
    place(box, "Subject: отпуск\r\n\r\n".encode(), uid=3800, flags="\\Seen")


def saved(world: World) -> None:
    """Have the numbers and UIDs of section 6.4.4.4, examples 1 to 5."""
    box = world.box()
    mother = "From: Jones\r\n\r\nмать\r\n".encode()
    for number, uid, content, flags, date in (
        (2, 14, JONES, "\\Flagged", JULY_1996),
        (5, 17, JONES, "", JANUARY_2007),
        (84, 100, JONES, "\\Flagged", JULY_1996),
        (880, 900, JONES, "", JANUARY_2007),
        (881, 901, JONES, "", JANUARY_2007),
        (882, 1115, mother, "\\Flagged", JULY_1996),
        (1102, None, mother, "", JULY_1996),
        (3003, None, mother, "", 0),
        (3005, None, mother, "", 0),
        (3006, None, mother, "", 0),
    ):
        fill(box, number - 1, {})
        place(box, content, uid=uid, flags=f"\\Seen {flags}", date=date)
    fill(box, 3021, {})


def eric(world: World) -> None:
    """Have messages of Eric, and junk (section 6.4.4.4, examples 6 to 9)."""
    world.box("Other Messages")
    world.box("Junk")
    box = world.box()
    for number in range(1, 104):
        if 3 <= number <= 15 or number == 27 or number >= 29:
            place(box, b"From: Eric\r\n\r\n", flags="\\Seen", date=JANUARY_2007)
        else:
            place(box, flags="\\Seen $Junk" if number < 3 else "\\Seen")


def results(world: World) -> None:
    """Have messages 2, 10 to 15 and 21 new (section 6.4.4.4, examples 2 and 10)."""
    box = world.box()
    for number in range(1, 23):
        if number in (2, 21) or 10 <= number <= 15:
            flags = "\\Seen \\Flagged" if number == 2 else "\\Seen"
            place(box, JONES, flags=flags, date=JANUARY_2007)
        else:
            place(box, flags="\\Seen")


def store(world: World) -> None:
    """Have the flags of section 6.4.6."""
    fill(world.box(), 5, {3: "", 4: "\\Flagged \\Seen"})


def copy(world: World) -> None:
    """Have the UIDs of section 6.4.7."""
    box = world.box()
    for uid in (303, 304, 319, 320):
        place(box, uid=uid, flags="\\Seen")
    box = world.box("MEETING")
    box.uid_validity, box.uid_next = 38_505, 3956


def move(world: World) -> None:
    """Have the UIDs of section 6.4.8, UID 42 being message 22."""
    box = world.box()
    fill(box, 21, {})
    for uid in range(42, 70):
        place(box, uid=uid, flags="\\Seen")
    box = world.box("foo")
    box.uid_validity, box.uid_next = 432_432, 1202


def expunge(world: World) -> None:
    """Have messages 3, 4, 7 and 11 of a dozen deleted (section 6.4.3)."""
    deleted = dict.fromkeys((3, 4, 7, 11), "\\Deleted")
    fill(world.box(), 12, deleted)


def uid_expunge(world: World) -> None:
    """Have UIDs 3000 to 3002 after two others, deleted (section 6.4.9)."""
    box = world.box()
    fill(box, 2, {2: "\\Deleted"})
    for uid in (3000, 3001, 3002):
        place(box, uid=uid, flags="\\Deleted")


def uids(world: World) -> None:
    """Have the UIDs of section 6.4.9, and UID 447 of section 7.5.2."""
    box = world.box()
    fill(box, 22, {})
    for uid in (4_827_313, 4_827_943, 4_828_442):
        place(box, uid=uid, flags="\\Seen")


def fetched(world: World) -> None:
    """Have the message of section 7.5.2."""
    box = world.box()
    fill(box, 22, {})
    content = MEETING + text(44_827 - len(MEETING), 900)
    place(box, content, uid=447, flags="\\Seen")


def sample(world: World) -> None:
    """Have the mailbox of section 8."""
    box = world.box()
    fill(box, 11, {})
    place(box, SECOND_MEETING + text(3028, 92), flags="\\Seen", date=JULY_1996)
    fill(box, 18, {})
    box.uid_validity = 3_857_529_045
