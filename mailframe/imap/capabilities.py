"""Every command and every extension: the one place that imports them.

Source: RFC 9051 section 7.2.2 (CAPABILITY).
"""

from mailframe.imap.command import Command, Extension
from mailframe.imap.commands import (
    any_state,
    append,
    authenticated,
    list,  # noqa: A004 (named after the command)
    not_authenticated,
    search,
    select,
    selected,
    store,
)
from mailframe.imap.extensions import (
    appendlimit,
    binary,
    children,
    compress,
    condstore,
    context_search,
    context_sort,
    create_special_use,
    enable,
    esearch,
    esort,
    filters,
    i18nlevel,
    id,  # noqa: A004 (named after the capability)
    idle,
    imap4rev2,
    inprogress,
    list_extended,
    list_metadata,
    list_status,
    literal_minus,
    literal_plus,
    messagelimit,
    metadata,
    move,
    multiappend,
    multisearch,
    namespace,
    objectid,
    partial,
    preview,
    qresync,
    quota,
    quotaset,
    replace,
    sasl_ir,
    savedate,
    search_fuzzy,
    searchres,
    sort,
    sort_display,
    special_use,
    starttls,
    status_size,
    thread,
    uidbatches,
    uidonly,
    uidplus,
    unauthenticate,
    unselect,
    utf8_accept,
    within,
)

EXTENSIONS: tuple[Extension, ...] = (
    imap4rev2.EXTENSION,
    literal_plus.EXTENSION,
    literal_minus.EXTENSION,
    sasl_ir.EXTENSION,
    starttls.EXTENSION,
    id.EXTENSION,
    appendlimit.EXTENSION,
    multiappend.EXTENSION,
    replace.EXTENSION,
    enable.EXTENSION,
    idle.EXTENSION,
    namespace.EXTENSION,
    uidplus.EXTENSION,
    unselect.EXTENSION,
    move.EXTENSION,
    condstore.EXTENSION,
    qresync.EXTENSION,
    utf8_accept.EXTENSION,
    uidonly.EXTENSION,
    messagelimit.EXTENSION,
    messagelimit.SAVELIMIT,
    uidbatches.EXTENSION,
    inprogress.EXTENSION,
    objectid.EXTENSION,
    savedate.EXTENSION,
    unauthenticate.EXTENSION,
    compress.EXTENSION,
    children.EXTENSION,
    list_extended.EXTENSION,
    special_use.EXTENSION,
    create_special_use.EXTENSION,
    list_status.EXTENSION,
    status_size.EXTENSION,
    quota.EXTENSION,
    quotaset.EXTENSION,
    metadata.EXTENSION,
    list_metadata.EXTENSION,
    binary.EXTENSION,
    preview.EXTENSION,
    i18nlevel.EXTENSION,
    esearch.EXTENSION,
    searchres.EXTENSION,
    within.EXTENSION,
    sort.EXTENSION,
    sort_display.EXTENSION,
    esort.EXTENSION,
    thread.EXTENSION,
    thread.REFERENCES,
    thread.REFS,
    partial.EXTENSION,
    context_search.EXTENSION,
    context_sort.EXTENSION,
    filters.EXTENSION,
    multisearch.EXTENSION,
    search_fuzzy.EXTENSION,
)
"""In the order CAPABILITY tells them."""


def _table() -> dict[bytes, Command]:
    found: dict[bytes, Command] = {}
    for commands in (
        any_state.COMMANDS,
        not_authenticated.COMMANDS,
        authenticated.COMMANDS,
        select.COMMANDS,
        list.COMMANDS,
        append.COMMANDS,
        selected.COMMANDS,
        store.COMMANDS,
        search.COMMANDS,
        *(one.commands for one in EXTENSIONS),
    ):
        for command in commands:
            assert command.name not in found, command.name
            found[command.name] = command
    return found


COMMANDS: dict[bytes, Command] = _table()
"""By name in capitals."""
