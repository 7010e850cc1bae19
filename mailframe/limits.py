"""Every bound on what a peer may make us hold, with its source.

Defaults only: each server takes the limits it works under as an argument, and
the configuration file can change every one of them.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class SMTPLimits:
    """What one SMTP, submission or LMTP session may use.

    Source: RFC 5321 section 4.5.3.
    """

    command_line: int = 4096
    """Octets of a command line with its CRLF: 512 (RFC 5321 section 4.5.3.1.4)
    plus what the extensions we announce add; Postfix allows 2048."""
    auth_line: int = 12288
    """Octets of a SASL response line (RFC 4954 section 4)."""
    text_line: int = 10_000
    """Octets of a line of the message; RFC 5321 section 4.5.3.1.6 asks for
    1000 at least. Longer ones are read to the end of the data and refused
    there."""
    message_size: int = 52_428_800
    """Octets of one message, announced with SIZE (RFC 1870)."""
    recipients: int = 1000
    """Recipients of one transaction; at least 100 (RFC 5321 section
    4.5.3.1.8), Postfix has 1000."""
    received_fields: int = 100
    """Received fields before mail counts as looping; at least 100 (RFC 5321
    section 6.3)."""
    errors: int = 20
    """Commands refused before the session ends with 421; Postfix has 20."""
    passed_over: int = 1_048_576
    """Octets of a command line that is too long, while its end is waited for,
    before the session ends with 421."""
    unwanted: int = 52_428_800
    """Octets of content without a use that are read to their end, so that the
    client hears why: what a message has beyond ``message_size``, or a chunk
    (BDAT) that belongs to no message. With more the session ends at once."""
    idle_commands: int = 200
    """Commands in a row that move no mail (NOOP, RSET, VRFY...) before 421."""
    login_attempts: int = 3
    """Failed AUTH before the session ends."""
    transactions: int = 1000
    """Messages of one session."""
    timeout: float = 300.0
    """Seconds to wait for a command, and then for its end; RFC 5321 section
    4.5.3.2.7 says 300."""
    data_timeout: float = 600.0
    """Seconds to wait for octets of a message (RFC 5321 section 4.5.3.2.5 says
    180 at least): all pauses in it together, between chunks (BDAT) too. Octets
    that come give time back, see ``data_rate``."""
    data_rate: int = 500
    """Octets of a message that give a second back; what comes more slowly uses
    up ``data_timeout``, and the session ends with 421. Postfix has 500
    (smtpd_min_data_rate)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class POP3Limits:
    """What one POP3 session may use.  Source: RFC 1939, RFC 2449 section 4."""

    command_line: int = 255
    """Octets of a command line with its CRLF (RFC 2449 section 4)."""
    auth_line: int = 12288
    """Octets of a SASL response line."""
    errors: int = 20
    """Commands refused before the session ends."""
    login_attempts: int = 3
    """Failed logins before the session ends."""
    timeout: float = 600.0
    """Seconds to wait for a command, and then for its end; RFC 1939 section 3 asks
    for 600 at least."""
    login_timeout: float = 60.0
    """Seconds of silence before a login."""
    login_time: float = 180.0
    """Seconds for all that a client sends before it is logged in, what we take for
    answers not counted; Dovecot has 180."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IMAPLimits:
    """What one IMAP session may use.  Source: RFC 9051, RFC 7162, RFC 7888."""

    line: int = 65_536
    """Octets of a command without its literals; RFC 7162 section 4 asks for
    8192 at least, Dovecot has 65536."""
    passed_over: int = 1_048_576
    """Octets of a line that is too long, while its end is waited for, before the
    session ends with BYE."""
    literal: int = 65_536
    """Octets of a literal that is not a message."""
    unasked_literal: int = 0
    """Octets of a literal that comes without being asked for; 0 for any number
    (LITERAL+), 4096 for LITERAL- (RFC 7888 section 5)."""
    inflated: int = 65_536
    """Octets a step makes of compressed input (COMPRESS); what they come from
    waits until they have been dealt with."""
    command: int = 262_144
    """Octets of one command with all literals that are not messages."""
    login_command: int = 16_384
    """The same before a login; RFC 4954 section 4 asks for 12288 for a response of
    SASL, which may be an argument here (RFC 4959 section 6)."""
    message_size: int = 52_428_800
    """Octets of a message in APPEND (APPENDLIMIT, RFC 7889)."""
    append_messages: int = 1000
    """Messages of one APPEND (MULTIAPPEND, RFC 3502); none is stored before all
    have come."""
    messages: int = 0
    """Messages one command works on (MESSAGELIMIT, RFC 9738, which asks for 1000
    at least); 0 for any number."""
    saved_messages: int = 0
    """Messages one COPY or APPEND stores (SAVELIMIT, RFC 9738); 0 for any
    number."""
    watched_mailboxes: int = 1000
    """Mailboxes one client is told of unasked (NOTIFY)."""
    nesting: int = 50
    """Parentheses inside parentheses, in SEARCH and elsewhere."""
    errors: int = 20
    """BAD responses before the session ends with BYE."""
    login_attempts: int = 3
    """Failed logins before the session ends."""
    timeout: float = 1800.0
    """Seconds to wait for a command, and then for its end with all its literals;
    RFC 9051 section 5.4 asks for 1800 at least. Octets that come give time back,
    see ``data_rate``."""
    data_rate: int = 500
    """Octets of a command that give a second back; one that comes more slowly uses
    up ``timeout``, and the session ends with BYE."""
    login_timeout: float = 60.0
    """Seconds of silence before a login."""
    login_time: float = 180.0
    """Seconds for all that a client sends before it is logged in, what we take for
    answers not counted; Dovecot has 180."""
    keywords: int = 200
    """Distinct keywords in one mailbox."""
    keyword_length: int = 100
    """Octets of one keyword."""
    annotations: int = 100
    """Notes on one mailbox, or on the account (METADATA); RFC 5464 section 4.1
    asks for 10 at least."""
    annotation_size: int = 65_536
    """Octets of one note; RFC 5464 section 4.1 asks for 1024 at least."""
    access_entries: int = 1000
    """Entries in the access list of one mailbox."""
    mailbox_name: int = 1000
    """Octets of a mailbox name in UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """How many connections one listening service may have."""

    total: int = 10_000
    """At the same time; more are closed at once."""
    per_address: int = 50
    """From one address at the same time, loopback excepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLimits:
    """What mail on its way in may cost us, mostly one message."""

    submitted_header: int = 1_048_576
    """Octets of a submitted header; it is held in memory until its end has
    come."""
    head: int = 262_144
    """Octets from the beginning in which Received and Delivered-To fields are
    looked for."""
    edited_header: int = 1_048_576
    """Octets of a header a check may change; a larger one stays as it is."""
    accounts_at_once: int = 16
    """Accounts that are given one message at the same time; each may be
    reading it."""
    held_messages: int = 1000
    """Messages that one user may have held back until later (FUTURERELEASE); RFC
    4865 section 6 asks for a quota."""
    held_octets: int = 524_288_000
    """Octets of them together; ten messages of the largest size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentLimits:
    """What a program or an mbox file that mail is delivered to may cost us."""

    programs: int = 10
    """Programs at the same time; what comes meanwhile waits in the queue. Postfix
    has 20 for each transport."""
    program_seconds: float = 300.0
    """Seconds a program may take for one message; it is killed then, with all it
    has started, and the message tried again. Postfix has 1000."""
    program_output: int = 4096
    """Octets of what a program says that are logged; the rest is read and
    forgotten."""
    files: int = 4
    """Files that are written to at the same time."""
    lock_seconds: float = 10.0
    """Seconds to wait for another program to let go of an mbox file; the message
    is tried again later then."""
    stale_lock_seconds: float = 500.0
    """Seconds after which the lock file of an mbox counts as forgotten; Postfix
    has 500."""
    mbox_size: int = 0
    """Octets an mbox file may have; 0 for any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressLimits:
    """What one address may become."""

    depth: int = 20
    """Aliases of aliases; sendmail allows 10, Postfix 1000."""
    destinations: int = 10_000
    """Addresses that come of one; Postfix allows 1000. A list of an
    ``:include:`` file is one."""
    lookups: int = 20_000
    """Questions to tables and directories for one address."""
    table_file: int = 16_777_216
    """Octets of an alias, virtual or regular expression file."""
    includes: int = 100
    """``:include:`` files of one alias file."""
    key: int = 512
    """Characters of what is looked up: no address is longer (RFC 5321 section
    4.5.3.1.3 has 256 octets)."""


MIME_DEPTH = 100
"""Parts inside parts; deeper ones are taken as text (Dovecot: 100)."""

MIME_PARTS = 10_000
"""Parts of one message; what follows is taken as part of the last
(Dovecot: 10000)."""

HEADER_SIZE = 10_485_760
"""Octets of header looked at in one message."""

WORKED_OUT_OCTETS = 134_217_728
"""Octets of orders, threads and ready responses a process keeps, of all IMAP
sessions; one mailbox may have half of them. What there is no room for is worked
out again."""

DECIMALS_KEPT = 131_072
"""Numbers from 0 on that are kept written, some 50 octets each, as far as they
are used: message numbers and UIDs are written by the ten thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All limits of one host, by group: what ``--limit GROUP.NAME`` names."""

    smtp: SMTPLimits = field(default_factory=SMTPLimits)
    pop3: POP3Limits = field(default_factory=POP3Limits)
    imap: IMAPLimits = field(default_factory=IMAPLimits)
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    delivery: DeliveryLimits = field(default_factory=DeliveryLimits)
    agents: AgentLimits = field(default_factory=AgentLimits)
    addresses: AddressLimits = field(default_factory=AddressLimits)
