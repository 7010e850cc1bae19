"""After a crash: throw away what was being stored when the machine went off.

A message nobody was told of may have a row in the index, or a name in the
directory, but not all of its octets. Only the very last ones can be so: those
before them are in the journal, and were made whole from it.

Source: DESIGN.md section 5.
"""

import os
from contextlib import suppress

from twisted.logger import Logger

from mailframe.model.uid_set import UIDSet
from mailframe.storage.maildir.flagging import vanish
from mailframe.storage.maildir.names import FileName
from mailframe.storage.maildir.store import AccountStore
from mailframe.storage.writer import Batch

_log = Logger()
_SLACK_SECONDS = 5


def crashed_at(journal: str) -> int | None:
    """Return the second of the last sync before a crash.

    Args:
        journal: The journal's directory, not opened yet.

    Returns:
        Seconds since 1970, a little early, or ``None`` if there was no crash.
    """
    try:
        with os.scandir(journal) as found:
            times = [
                entry.stat().st_mtime
                for entry in found
                if entry.name.startswith("journal.")
            ]
    except FileNotFoundError:
        return None
    return int(max(times)) - _SLACK_SECONDS if times else None


def drop_unfinished(store: AccountStore, batch: Batch) -> None:
    """Remove the messages whose octets did not all get to the disk."""
    if store.suspect_since is None:
        return
    with store.step(batch) as index:
        # What the directories lost is seen by a full look at each of them.
        index.execute("UPDATE mailboxes SET new_mtime=0, cur_mtime=0")
        recent = index.execute(
            "SELECT id, file, disk, size FROM messages WHERE arrived>=? AND NOT lf",
            (store.suspect_since * 1000,),
        ).fetchall()
        for row in index.mailboxes():
            low, high = row.span()
            gone = []
            for number, file, disk, size in recent:
                if not low <= number <= high:
                    continue
                path = store.path(row, file, disk)
                try:
                    if os.stat(path).st_size == size:
                        continue
                    store.os_layer.unlink(path)
                except FileNotFoundError:
                    continue
                gone.append(number - low)
                _log.warn("{path} was not complete and is gone", path=path)
            if gone:
                vanish(index, row, UIDSet.of(gone), store.tick(row))
                index.update_mailbox(row)


def unfinished(store: AccountStore, name: FileName, size: int) -> bool:
    """Tell whether a file without a row is one we had begun to store."""
    return (
        store.suspect_since is not None
        and name.uid is not None
        and name.sizes is not None
        and size < name.sizes[0]
        and (name.arrived or 0) >= store.suspect_since
    )


def remove(store: AccountStore, path: str) -> None:
    """Remove an unfinished file."""
    _log.warn("{path} was not complete and is gone", path=path)
    with suppress(FileNotFoundError):
        store.os_layer.unlink(path)
