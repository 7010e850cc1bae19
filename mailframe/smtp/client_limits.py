"""How long a client waits for a server, and how much it sends at once.

Source: RFC 5321 section 4.5.3.2.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """What one session towards a server may take, times in seconds."""

    greeting_timeout: float = 300.0
    """For the greeting and the answer to EHLO (RFC 5321 section 4.5.3.2.1)."""
    command_timeout: float = 300.0
    """For MAIL and RCPT (RFC 5321 sections 4.5.3.2.2 and 4.5.3.2.3)."""
    data_timeout: float = 120.0
    """For the 354 (RFC 5321 section 4.5.3.2.4)."""
    block_timeout: float = 180.0
    """For the server to take more content (RFC 5321 section 4.5.3.2.5)."""
    end_timeout: float = 600.0
    """For the verdict at the end of the data (RFC 5321 section 4.5.3.2.6)."""
    quit_timeout: float = 10.0
    """For the answer to QUIT, which changes nothing any more."""
    recipients: int = 100
    """Recipients of one transaction; every server takes as many (RFC 5321
    section 4.5.3.1.8)."""
    messages: int = 100
    """Messages over one connection."""
