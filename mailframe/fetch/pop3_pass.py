"""One look into a POP3 account.

Messages are known by UIDL; a server without it is refused. What is deleted goes
with QUIT, so a session that breaks deletes nothing: the next one does.

Source: RFC 1939 sections 5 to 7.
"""

import re

from twisted.logger import Logger

from mailframe.errors import BadSyntax, MessageTooLarge, NotSupported, TemporaryFailure
from mailframe.fetch.conversation import Conversation
from mailframe.fetch.source import Source
from mailframe.interfaces.auth import UnauthorizedLogin
from mailframe.pop3.client import POP3Client, Reply

_log = Logger()

# unique-id = 1*70 of 0x21 to 0x7E; longer ones are seen.
_UIDL = re.compile(rb"([0-9]{1,10}) ([\x21-\x7e]{1,1000}) *")
_SIZE = re.compile(rb"([0-9]{1,10}) ([0-9]{1,20})(?: .*)?", re.S)


class POP3Pass:
    """One session from the greeting to QUIT."""

    def __init__(self, source: Source, conversation: Conversation) -> None:
        """Take a conversation that has just begun; its client is a POP3Client."""
        self._source = source
        self._conversation = conversation
        assert isinstance(conversation.client, POP3Client)
        self._client = conversation.client
        self._memory = source.job.source("INBOX")

    async def run(self) -> int:
        """Collect what is new; return how many messages that was.

        Raises:
            UnauthorizedLogin: The server does not want us, or is not itself.
            BadSyntax: It broke the grammar.
            MailError: Something else is in the way.
        """
        await self._log_in()
        names, sizes = await self._listing()
        source, landing = self._source, self._source.landing
        job = source.job
        had = await landing.had(self._memory, "", job)
        # Only a whole listing gets here: what is not in it is gone.
        await landing.gone(self._memory, "", had - set(names.values()))
        count = 0
        for number, name in names.items():
            if name not in had:
                if not await self._collect(number, name, sizes.get(number, 0)):
                    continue
                had.add(name)
                count += 1
            if not job.keep:
                self._client.command(b"DELE %d" % number)
                await self._conversation.reply(Reply)
        self._client.command(b"QUIT")
        if not (await self._conversation.reply(Reply)).ok:
            raise TemporaryFailure("not everything was deleted")
        return count

    async def _log_in(self) -> None:
        source = self._source
        if source.job.tls == "implicit":
            await source.start_tls(self._conversation)
        await self._conversation.good(Reply)
        if source.job.tls == "starttls":
            self._client.command(b"STLS")
            await self._conversation.good(Reply)
            await source.start_tls(self._conversation)
        # Asked after TLS: what was said before it is worth nothing.
        self._client.listing(b"CAPA")
        reply = await self._conversation.reply(Reply)
        capabilities = reply.lines if reply.ok else ()
        carrier = source.carrier(self._conversation)
        self._client.log_in(capabilities, source.login, carrier)
        if not (await self._conversation.reply(Reply)).ok:
            raise UnauthorizedLogin("the server does not take name and password")

    async def _listing(self) -> tuple[dict[int, str], dict[int, int]]:
        """Return UIDL and size of each message number."""
        self._client.listing(b"UIDL")
        reply = await self._conversation.reply(Reply)
        if not reply.ok:
            raise NotSupported("the server has no UIDL")
        names = {}
        for line in reply.lines:
            found = _UIDL.fullmatch(line)
            if found is None:
                raise BadSyntax("a message number and a unique-id")
            names[int(found[1])] = found[2].decode("ascii")
        self._client.listing(b"LIST")
        reply = await self._conversation.good(Reply)
        sizes = {}
        for line in reply.lines:
            found = _SIZE.fullmatch(line)
            if found is None:
                raise BadSyntax("a message number and a size")
            sizes[int(found[1])] = int(found[2])
        return names, sizes

    async def _collect(self, number: int, name: str, size: int) -> bool:
        """Collect one message; return whether it is ours now."""
        source = self._source
        job = source.job
        key = (self._memory, "", name)
        if key in source.too_large:
            return False
        if size > job.max_size:
            source.too_large.add(key)
            _log.warn("{job}: {name} is too large", job=str(job), name=name)
            return False
        self._client.retrieve(number)
        try:
            reply, content = await self._conversation.receive_message(
                source.intake, job.max_size
            )
        except MessageTooLarge:
            source.too_large.add(key)
            raise
        try:
            if not reply.ok:
                _log.warn("{job}: {name} is not given", job=str(job), name=name)
                return False
            await source.landing.put(self._memory, "", name, job, content)
        finally:
            content.close()
        return True
