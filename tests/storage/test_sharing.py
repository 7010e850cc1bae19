"""Shared mailboxes over memory and over Maildirs; the user's own are as ever."""

from typing import Any

from twisted.internet import reactor  # noqa: TID251 - the store needs a real one
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from mailframe.errors import NoSuchMailbox, OverQuota
from mailframe.interfaces.access import IAccessControl, Namespaces
from mailframe.interfaces.auth import IUserDirectory, Mind, UserEntry
from mailframe.interfaces.mailbox import IMailAccount
from mailframe.interfaces.plugin import Host
from mailframe.model.access import AccessList
from mailframe.model.mailbox import mailbox_name
from mailframe.storage.maildir import noticing
from mailframe.storage.maildir.realm import MaildirRealm
from mailframe.storage.memory import MemoryAccount
from mailframe.storage.memory_realm import MemoryRealm
from mailframe.storage.sharing.account import SharingAccount, sharing_account
from mailframe.storage.sharing.realm import groups_of, with_sharing
from mailframe.testing.access_contract import HERS, WORK, AccessContract
from mailframe.testing.annotation_contract import AnnotationContract, SpecialUseContract
from mailframe.testing.header_index_contract import HeaderIndexContract
from mailframe.testing.mailbox_contract import MailboxContract, new
from mailframe.testing.quota_contract import QuotaContract
from mailframe.testing.replacer_contract import ReplacerContract
from mailframe.testing.save_dates_contract import SaveDatesContract
from tests.storage.maildir_case import MaildirTestCase


class _Own(
    MailboxContract,
    QuotaContract,
    AnnotationContract,
    SpecialUseContract,
    HeaderIndexContract,
    ReplacerContract,
    SaveDatesContract,
):
    """Everything an account promises; a mixin."""


async def _no_groups(address: str) -> frozenset[str]:
    return frozenset()


def _memory_realm() -> MemoryRealm:
    return MemoryRealm(
        lambda: 1_700_000_000.0, lambda call: call(), default_domain="example.org"
    )


class MemorySharingTests(AccessContract, TestCase):
    """Sharing over the store in memory."""

    async def sharing_realm(self) -> MemoryRealm:
        """Return a realm."""
        return _memory_realm()


class GroupTests(TestCase):
    """Groups come from the directory of users."""

    async def test_groups_of_the_directory(self) -> None:
        """They are the lines of ``shared``; asked for once, and only if need be."""
        asked: list[str] = []

        @implementer(IUserDirectory)
        class Directory:
            async def find(self, address: str) -> UserEntry | None:
                asked.append(address)
                if not address.startswith("bob"):
                    return None
                return UserEntry(address, extra={"shared": "sales\nstaff"})

        realm = _memory_realm()
        sharing = with_sharing(realm, realm, groups_of(Directory()))
        mind = Mind("imap", None, True)
        _, bob, _ = await sharing.requestAvatar(b"bob@example.org", mind, IMailAccount)
        await bob.list_mailboxes()
        self.assertEqual(asked, [])
        alice = realm.account("alice@example.org")
        await alice.create(WORK)
        await alice.change_access(
            WORK, lambda _: AccessList({"$staff": frozenset("l")})
        )
        names = [info.name for info in await bob.list_mailboxes()]
        self.assertEqual(names, ["INBOX", HERS])
        self.assertEqual(await bob.my_rights(HERS), frozenset("l"))
        self.assertEqual(asked, ["bob@example.org"])
        _, carol, _ = await sharing.requestAvatar(b"carol@x.org", mind, IMailAccount)
        self.assertEqual(len(await carol.list_mailboxes()), 1)


class GrantedQuotaTests(TestCase):
    """What a directory grants an owner holds for others too."""

    async def test_owner_is_made_ready(self) -> None:
        """An owner's account is asked for as at a login before it is filled."""
        realm = _memory_realm()
        asked: list[bytes] = []

        class Avatars:
            def requestAvatar(self, avatarId: Any, mind: Any, *interfaces: Any) -> Any:
                asked.append(avatarId)
                found = realm.requestAvatar(avatarId, mind, *interfaces)
                found[1].grant(200)
                return found

        sharing = with_sharing(Avatars(), realm, _no_groups)
        mind = Mind("imap", None, True)
        alice = realm.account("alice@example.org")
        await alice.create(WORK)
        await alice.change_access(
            WORK, lambda _: AccessList({"bob@example.org": frozenset("lri")})
        )
        _, bob, _ = await sharing.requestAvatar(b"bob@example.org", mind, IMailAccount)
        self.assertTrue(IAccessControl.providedBy(bob))
        await bob.append(HERS, [new(1)])
        self.assertEqual(asked, [b"bob@example.org", b"alice@example.org"])
        with self.assertRaises(OverQuota):
            await bob.append(HERS, [new(2)])

    async def test_imap_only(self) -> None:
        """Other protocols get the account itself, as ever."""
        realm = _memory_realm()
        sharing = with_sharing(realm, realm, _no_groups)
        _, account, _ = await sharing.requestAvatar(
            b"bob@example.org", Mind("pop3", None, True), IMailAccount
        )
        self.assertIs(account, realm.account("bob@example.org"))

    def test_nothing_to_share(self) -> None:
        """Without namespaces, and of a realm without lists, nothing changes."""
        off = MemoryRealm(
            lambda: 0.0, lambda call: call(), namespaces=Namespaces(others="")
        )
        other = object()
        self.assertIs(with_sharing(off, off, _no_groups), off)
        self.assertIs(with_sharing(other, other, _no_groups), other)


class OwnMailInMemoryTests(_Own, TestCase):
    """A user's own mailboxes in memory, seen through sharing."""

    async def make_account(self) -> SharingAccount:
        """Return an empty account."""
        account = MemoryAccount("user@example.org")
        return sharing_account(account, _memory_realm(), _no_groups)


class MaildirSharingTests(AccessContract, MaildirTestCase):
    """Sharing over Maildirs."""

    async def sharing_realm(self) -> MaildirRealm:
        """Return the realm of the case."""
        return self.realm

    async def settle(self) -> None:
        """Let the reactor turn."""
        await self.pause()

    async def test_shares_outlive_the_program(self) -> None:
        """Who shares with whom is known again, though nobody opened an account."""
        await self._two("lr")
        await self.restart()
        carol = await self._seen_by(self.realm, "bob@example.org")
        names = [info.name for info in await carol.list_mailboxes()]
        self.assertIn("Other Users/alice@example.org/Work", names)

    async def test_lists_of_other_programs(self) -> None:
        """A file that another program writes counts, and is known when it is seen."""
        await self._two("")
        directory = self.base / "mail" / "example.org" / "alice" / ".Work"
        file = directory / "dovecot-acl"
        file.write_text(
            '# by hand\nowner lrwstipekxa\n"user=bob" lrs :archive\ngroup=a+b l\n'
        )
        await self.restart()
        await self._seen_by(self.realm, "alice@example.org")
        bob = await self._seen_by(self.realm, "bob@example.org")
        self.assertEqual(await bob.my_rights(HERS), frozenset("lrs"))
        alice = await self._seen_by(self.realm, "alice@example.org")
        await alice.delete_access(WORK, "$a+b")
        self.assertEqual(
            file.read_text(),
            '# by hand\nowner lrwstipekxa\n"user=bob" lrs :archive\n',
        )

    async def test_lists_are_noticed(self) -> None:
        """A file that an operator writes counts for who asks for the mailbox."""
        await self._two("")
        directory = self.base / "mail" / "example.org" / "alice" / ".Work"
        await self.restart()
        bob = await self._seen_by(self.realm, "bob@example.org")
        await self._fails_to(NoSuchMailbox, bob.status(HERS))
        for name in ("nobody@example.org", "..%2Fx@example.org", "x"):
            await self._fails_to(
                NoSuchMailbox, bob.status(mailbox_name(f"Other Users/{name}/Work"))
            )
        heard: list[None] = []
        self.realm.watch_lists(lambda: heard.append(None))
        self.patch(noticing, "NAMED_SECONDS", 0.0)
        (directory / "dovecot-acl").write_text("user=bob lr\n")
        self.assertEqual([info.name for info in await bob.list_mailboxes()], ["INBOX"])
        self.assertEqual((await bob.status(HERS)).messages, 0)
        self.assertIn(HERS, [info.name for info in await bob.list_mailboxes()])
        await self.settle()
        self.assertEqual(len(heard), 1)
        await self.restart()
        bob = await self._seen_by(self.realm, "bob@example.org")
        self.assertIn(HERS, [info.name for info in await bob.list_mailboxes()])

    async def test_lists_of_open_accounts_are_noticed(self) -> None:
        """LIST looks at accounts in use, not each time."""
        await self._two("")
        directory = self.base / "mail" / "example.org" / "alice"
        bob = await self._seen_by(self.realm, "bob@example.org")
        await bob.list_mailboxes()
        (directory / "dovecot-acl").write_text("$sales lr\nanyone l\n")
        self.assertEqual([info.name for info in await bob.list_mailboxes()], ["INBOX"])
        self.patch(noticing, "ALL_SECONDS", 0.0)
        self.assertEqual(await bob.list_mailboxes(), await bob.list_mailboxes())
        (directory / "dovecot-acl").write_text("group=sales lr\nanyone l\n")
        names = [info.name for info in await bob.list_mailboxes()]
        self.assertEqual(names, ["INBOX", "Other Users/alice@example.org/INBOX"])
        self.assertTrue(self.realm.names_groups())

    async def test_damaged_lists_close(self) -> None:
        """Of a file that cannot be understood nobody but the owner has anything."""
        _, alice, bob = await self._two("lr")
        directory = self.base / "mail" / "example.org" / "alice" / ".Work"
        (directory / "dovecot-acl").write_text("user=bob@example.org lr\nwhat is this")
        self.assertEqual([info.name for info in await bob.list_mailboxes()], ["INBOX"])
        self.assertEqual(await alice.my_rights(WORK), frozenset("lrswipkxtea"))


class OwnMailInMaildirTests(_Own, MaildirTestCase):
    """A user's own mailboxes in a Maildir, seen through sharing."""

    async def make_account(self) -> SharingAccount:
        """Return the account, which is empty."""
        account = await self.account()
        return sharing_account(account, self.realm, _no_groups)

    async def settle(self) -> None:
        """Let files follow, and the reactor turn."""
        await self.filed()


class NamespaceArgumentTests(TestCase):
    """What a realm's arguments say of others' mailboxes."""

    def test_names(self) -> None:
        """Names come after the path; without an account nothing is nobody's."""
        host = Host("state", ("example.org",), reactor)
        realm = MaildirRealm(
            "/srv/a:b/%u:others=Users:shared-account=p@example.org", host
        )
        self.assertEqual(
            (
                realm.namespaces.others,
                realm.namespaces.shared,
                realm.namespaces.account,
            ),
            ("Users", "Shared", "p@example.org"),
        )
        plain = MaildirRealm("/srv/%u", host).namespaces
        self.assertEqual((plain.others, plain.shared), ("Other Users", ""))
        off = MaildirRealm("/srv/%u:others=", host).namespaces
        self.assertEqual((off.others, off.shared), ("", ""))

    def test_bad_names(self) -> None:
        """A name that cannot be one, or that means two things, is refused."""
        host = Host("state", ("example.org",), reactor)
        for text in (
            "/srv/%u:others=a/b",
            "/srv/%u:others=INBOX",
            "/srv/%u:others=..",
            "/srv/%u:shared=Public",
            "/srv/%u:shared-account=public",
            "/srv/%u:others=X:shared=X:shared-account=p@example.org",
        ):
            with self.assertRaises(ValueError):
                MaildirRealm(text, host)
