"""A check that does what it is told."""

from collections.abc import Awaitable
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from mailframe.errors import MailError
from mailframe.interfaces.check import (
    IDataCheck,
    IInquiryCheck,
    IMessageCheck,
    IRejectionCheck,
    IVisitCheck,
    Verdict,
)
from mailframe.model.envelope import ForwardPath, Origin, ReversePath


@implementer(IMessageCheck)
class ToldCheck:
    """Answers each stage with a verdict, an error, or something to wait for."""

    def __init__(self, **answers: Any) -> None:
        """Answer stages by their names; the others with ``None``."""
        self.answers = answers
        self.asked: list[str] = []
        self.octets: list[bytes] = []
        self.memories: list[dict[str, object]] = []

    async def _answer(self, stage: str) -> Verdict | None:
        self.asked.append(stage)
        answer = self.answers.get(stage)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Deferred):
            return await answer
        return answer

    async def connect(self, origin: Origin) -> Verdict | None:
        """Answer."""
        return await self._answer("connect")

    async def helo(self, origin: Origin) -> Verdict | None:
        """Answer."""
        return await self._answer("helo")

    async def mail(
        self, memory: dict[str, object], origin: Origin, reverse_path: ReversePath
    ) -> Verdict | None:
        """Answer."""
        self.memories.append(memory)
        return await self._answer("mail")

    async def rcpt(
        self, memory: dict[str, object], forward_path: ForwardPath
    ) -> Verdict | None:
        """Answer, for one local part alone if there is such an answer."""
        local = forward_path.address.local
        return await self._answer(local if local in self.answers else "rcpt")

    def content(
        self, memory: dict[str, object], octets: bytes
    ) -> Awaitable[None] | None:
        """Note the octets, and answer."""
        self.octets.append(octets)
        answer = self.answers.get("content")
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def end(self, memory: dict[str, object]) -> Verdict | None:
        """Answer."""
        return await self._answer("end")

    def over(self, memory: dict[str, object]) -> None:
        """Note it."""
        self.asked.append("over")


@implementer(IVisitCheck, IRejectionCheck, IDataCheck, IInquiryCheck)
class AttentiveCheck(ToldCheck):
    """Has every optional power."""

    def __init__(self, **answers: Any) -> None:
        """Answer stages as told."""
        super().__init__(**answers)
        self.refusals: list[tuple[str, MailError]] = []

    def left(self, origin: Origin) -> None:
        """Note it, and answer."""
        self.asked.append("left")
        answer = self.answers.get("left")
        if isinstance(answer, Exception):
            raise answer

    async def rejected(
        self, memory: dict[str, object], forward_path: ForwardPath, refusal: MailError
    ) -> None:
        """Note it, and answer."""
        self.refusals.append((forward_path.address.local, refusal))
        await self._answer("rejected")

    async def data(self, memory: dict[str, object]) -> Verdict | None:
        """Answer."""
        return await self._answer("data")

    async def vrfy(self, origin: Origin, text: str) -> Verdict | None:
        """Answer, for one text alone if there is such an answer."""
        return await self._answer(text if text in self.answers else "vrfy")

    async def etrn(self, origin: Origin, domain: str) -> Verdict | None:
        """Answer, for one domain alone if there is such an answer."""
        return await self._answer(domain if domain in self.answers else "etrn")
