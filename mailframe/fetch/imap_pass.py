"""One look into an IMAP account, and waiting there for the next message.

Messages are known by UIDVALIDITY and UID. Those with ``\\Deleted`` are not
collected. Without UIDPLUS nothing is expunged while a message that is not ours
has ``\\Deleted``: EXPUNGE would take it too.

Source: RFC 9051 sections 2.3.1.1 and 6.4, RFC 4315 section 2.1, RFC 2177.
"""

import re
from datetime import datetime

from twisted.logger import Logger

from mailframe.errors import BadSyntax, MessageTooLarge
from mailframe.fetch.conversation import Conversation, Silent
from mailframe.fetch.source import Source
from mailframe.imap.client import Exists, Idling, IMAPClient, Reply
from mailframe.imap.serialize import mailbox_out
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.model.mailbox import MailboxName
from mailframe.model.uid_set import UIDSet

_log = Logger()

SIZES = 500
"""Messages whose size is asked for in one command."""

DELETED = 100
"""Messages deleted in one command; also how many wait for it."""

IDLE = 1500.0
"""Seconds of one IDLE; RFC 2177 section 3 asks for less than 29 minutes."""

_VALIDITY = re.compile(rb"OK \[UIDVALIDITY ([0-9]{1,10})\]", re.I)
_NUMBERS = re.compile(rb"SEARCH((?: [0-9]{1,10})*) *(?:\(.*\))?", re.I)
_UID = re.compile(rb"[( ]UID ([0-9]{1,10})[ )]", re.I)
_SIZE = re.compile(rb"[( ]RFC822\.SIZE ([0-9]{1,20})[ )]", re.I)
_DATE = re.compile(rb'INTERNALDATE "([ 0-9A-Za-z:+-]{20,30})"', re.I)
_BODY = re.compile(rb"[0-9]+ FETCH \(.*BODY\[\] ~?\{[0-9]+\}", re.I)


class IMAPPass:
    """One session; ``run`` may be called again after ``wait``."""

    def __init__(self, source: Source, conversation: Conversation) -> None:
        """Take a conversation that has just begun; its client is an IMAPClient."""
        self._source = source
        self._conversation = conversation
        assert isinstance(conversation.client, IMAPClient)
        self._client = conversation.client
        self._capabilities: frozenset[bytes] = frozenset()
        self._seen = 0

    async def log_in(self) -> None:
        """Come up to the authenticated state.

        Raises:
            UnauthorizedLogin: The server does not want us, or is not itself.
            BadSyntax: It broke the grammar.
            TemporaryFailure: Something else is in the way.
        """
        source = self._source
        if source.job.tls == "implicit":
            await source.start_tls(self._conversation)
        await self._conversation.good(Reply)
        if source.job.tls == "starttls":
            await self._command(b"STARTTLS")
            await source.start_tls(self._conversation)
        if self._client.authenticated:
            await self._learn()
            return
        # Asked after TLS: what was said before it is worth nothing.
        await self._learn()
        carrier = source.carrier(self._conversation)
        self._client.log_in(self._capabilities, source.login, carrier)
        if not (await self._conversation.reply(Reply)).ok:
            raise UnauthorizedLogin("the server does not take name and password")
        await self._learn()

    async def run(self) -> int:
        """Collect what is new in all folders; return how many messages.

        Raises:
            BadSyntax: The server broke the grammar.
            MailError: Something else is in the way.
        """
        count = 0
        # The first one last: it is the one that ``wait`` watches.
        for folder in reversed(self._source.job.folders):
            count += await self._collect_folder(folder)
        return count

    async def wait(self) -> bool:
        """Wait for news in the first folder; tell whether that could be done."""
        job = self._source.job
        if not job.idle or b"IDLE" not in self._capabilities:
            return False
        if self._is_news():
            return True
        self._client.idle()
        self._conversation.flush()
        seconds = IDLE if len(job.folders) == 1 else min(IDLE, job.interval)
        event: object = await self._conversation.next()
        while isinstance(event, Exists):
            event = await self._conversation.next()
        if isinstance(event, Reply):
            # It does not idle after all.
            return False
        assert isinstance(event, Idling)
        if not self._is_news():
            await self._news(seconds)
        self._client.done()
        self._conversation.flush()
        while not isinstance(event, Reply):
            event = await self._conversation.next()
        return event.ok

    async def log_out(self) -> None:
        """Say goodbye."""
        await self._command(b"LOGOUT")

    def _is_news(self) -> bool:
        # What went does not hide what came.
        return self._client.messages + self._client.expunged > self._seen

    async def _news(self, seconds: float) -> None:
        try:
            while True:
                event = await self._conversation.next(seconds)
                if isinstance(event, Exists) and self._is_news():
                    return
        except Silent:
            return

    async def _learn(self) -> None:
        reply = await self._command(b"CAPABILITY")
        words: set[bytes] = set()
        for line in reply.lines:
            if line.upper().startswith(b"CAPABILITY "):
                words.update(line.upper().split()[1:])
        self._capabilities = frozenset(words)

    async def _collect_folder(self, folder: MailboxName) -> int:
        source = self._source
        job, landing = source.job, source.landing
        verb = b"EXAMINE " if job.keep else b"SELECT "
        self._client.messages = 0
        reply = await self._command(verb + mailbox_out(folder))
        found = [one for one in map(_VALIDITY.match, reply.lines) if one]
        if not found:
            raise BadSyntax("UIDVALIDITY")
        epoch = str(int(found[-1][1]))
        memory = job.source(folder)
        self._seen = self._client.messages + self._client.expunged
        there = await self._search(b"ALL")
        wanted = await self._search(b"UNDELETED")
        had = set(map(int, await landing.had(memory, epoch, job)))
        await landing.gone(memory, epoch, set(map(str, had - there)))
        new = sorted(wanted - had)
        ours = sorted(had & there)
        if not job.keep:
            await self._delete(ours, had)
        count = 0
        for start in range(0, len(new), SIZES):
            batch = new[start : start + SIZES]
            sizes = await self._sizes(batch)
            taken: list[int] = []
            for uid in batch:
                if uid in sizes and await self._collect(memory, epoch, uid, sizes[uid]):
                    taken.append(uid)
                    had.add(uid)
                    count += 1
                if not job.keep and len(taken) >= DELETED:
                    await self._delete(taken, had)
                    taken = []
            if not job.keep:
                await self._delete(taken, had)
        return count

    async def _search(self, what: bytes) -> set[int]:
        reply = await self._command(b"UID SEARCH " + what)
        found = [one for one in map(_NUMBERS.fullmatch, reply.lines) if one]
        if not found:
            raise BadSyntax("a SEARCH response")
        return {int(number) for one in found for number in one[1].split()}

    async def _sizes(self, uids: list[int]) -> dict[int, int]:
        """Return the sizes of those that are there."""
        asked = str(UIDSet.of(uids)).encode()
        reply = await self._command(b"UID FETCH %b (UID RFC822.SIZE)" % asked)
        sizes = {}
        for line in reply.lines:
            uid, size = _UID.search(line), _SIZE.search(line)
            if uid is not None and size is not None:
                sizes[int(uid[1])] = int(size[1])
        return sizes

    async def _collect(self, memory: str, epoch: str, uid: int, size: int) -> bool:
        """Collect one message; return whether it is ours now."""
        source = self._source
        job = source.job
        key = (memory, epoch, str(uid))
        if key in source.too_large:
            return False
        if size > job.max_size:
            source.too_large.add(key)
            _log.warn("{job}: UID {uid} is too large", job=str(job), uid=uid)
            return False
        self._client.retrieve(uid)
        self._conversation.flush()
        try:
            reply, content = await self._conversation.receive_message(
                source.intake, job.max_size
            )
        except MessageTooLarge:
            source.too_large.add(key)
            raise
        try:
            lines = [one for one in reply.lines if _BODY.match(one)]
            if not reply.ok or not lines:
                # It is gone, or the server cannot read it.
                return False
            named = _UID.search(lines[0])
            if len(lines) > 1 or named is None or int(named[1]) != uid:
                raise BadSyntax("the message that was asked for, and no other")
            date = _epoch(lines[0])
            await source.landing.put(memory, epoch, str(uid), job, content, date)
        finally:
            content.close()
        return True

    async def _delete(self, uids: list[int], had: set[int]) -> None:
        """Delete messages that are ours."""
        if not uids:
            return
        asked = str(UIDSet.of(uids)).encode()
        await self._command(b"UID STORE %b +FLAGS.SILENT (\\Deleted)" % asked)
        if b"UIDPLUS" in self._capabilities:
            await self._command(b"UID EXPUNGE " + asked)
        elif await self._search(b"DELETED") <= had:
            await self._command(b"EXPUNGE")

    async def _command(self, line: bytes) -> Reply:
        self._client.command(line)
        return await self._conversation.good(Reply)


def _epoch(line: bytes) -> int | None:
    """Return the internal date of a FETCH response; ``None`` without a right one.

    Source: RFC 9051 section 9 (date-time).
    """
    found = _DATE.search(line)
    if found is None:
        return None
    try:
        when = datetime.strptime(found[1].decode().strip(), "%d-%b-%Y %H:%M:%S %z")
    except ValueError:
        return None
    return int(when.timestamp())
