"""Who shares mailboxes with whom: what can be known without opening accounts.

``shares`` in the state directory is a JSON object: by the address of an owner, the
identifiers that the owner's access lists name. It is a hint that can be made again
from the lists; they alone say what somebody may do.

Source: RFC 2342 section 5 (other users are found by LIST).
"""

import json
import os

from twisted.logger import Logger

from mailframe.model.access import GROUP
from mailframe.storage.maildir.dotlock import change_file, read_small
from mailframe.storage.os_layer import OSLayer
from mailframe.storage.watchers import Callbacks

FILE = "shares"

_log = Logger()


class Shares:
    """The identifiers of all lists, by owner and the other way round.

    Attributes:
        lists: Who is told that a list has changed.
    """

    def __init__(self, directory: str, os_layer: OSLayer, lists: Callbacks) -> None:
        """Begin with what a file says, if there is one.

        Args:
            directory: The state directory.
            os_layer: How to change files.
            lists: Who is told that a list has changed.
        """
        self.lists = lists
        self._path = os.path.join(directory, FILE)
        self._os_layer = os_layer
        self._owners: dict[str, frozenset[str]] = {}
        self._sharers: dict[str, set[str]] = {}
        try:
            found = json.loads(read_small(self._path) or b"{}")
            for owner, identifiers in found.items():
                self.note(owner, frozenset(map(str, identifiers)))
        except (OSError, ValueError, AttributeError, TypeError) as error:
            _log.warn("{path}: {error}", path=self._path, error=error)

    def of(self, owner: str) -> frozenset[str]:
        """Return whom an owner's lists name."""
        return self._owners.get(owner, frozenset())

    def note(self, owner: str, identifiers: frozenset[str]) -> None:
        """Take down whom an owner's lists name now."""
        for gone in self.of(owner) - identifiers:
            self._sharers[gone].discard(owner)
            if not self._sharers[gone]:
                del self._sharers[gone]
        for identifier in identifiers:
            self._sharers.setdefault(identifier, set()).add(owner)
        self._owners[owner] = identifiers
        if not identifiers:
            del self._owners[owner]

    def sharers(self, identifiers: frozenset[str]) -> frozenset[str]:
        """Return the owners whose lists name one of some identifiers."""
        if not self._sharers:
            return frozenset()
        return frozenset().union(
            *(self._sharers.get(identifier, ()) for identifier in identifiers)
        )

    def names_groups(self) -> bool:
        """Tell whether a group is named anywhere."""
        return any(identifier.startswith(GROUP) for identifier in self._sharers)

    def written(self) -> bytes:
        """Return it as the file has it."""
        found = {owner: sorted(names) for owner, names in sorted(self._owners.items())}
        return json.dumps(found, indent=1).encode() + b"\n"

    def keep(self, octets: bytes) -> None:
        """Write it down, in the writer thread; what fails is only logged."""
        try:
            change_file(self._path, lambda _: octets, self._os_layer)
        except OSError as error:
            _log.error("{path}: {error}", path=self._path, error=error)
