"""What ``twistd mailframe`` without options offers: an account and how to use it.

The account ``demo@localhost`` is made once, with a random password that is
shown once; only its hash is kept.
"""

import secrets

from mailframe.auth.passwd_file import PasswdFile
from mailframe.config import BadConfig, HostConfig

ADDRESS = "demo@localhost"

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"

_TEXT = """\
mailframe sandbox: everything on loopback, mail in {state_dir}
{account}

receive   swaks --server localhost:8025 --to demo@localhost
send      swaks --server localhost:8587 -tls --auth-user demo@localhost \\
                --auth-password PASSWORD --from demo@localhost --to demo@localhost
read      curl -k --ssl-reqd -u demo@localhost:PASSWORD 'imap://localhost:8143/INBOX;UID=1'
          curl -k --ssl-reqd -u demo@localhost:PASSWORD pop3://localhost:8110/1
client    IMAP localhost 8143 STARTTLS or 8993 TLS, POP3 8110 STLS or 8995 TLS,
          submission 8587 STARTTLS or 8465 TLS; user {address}; the certificate
          is self-signed: {state_dir}/tls/certificate.pem
Nothing leaves this machine: mail to other domains is refused.
"""


def prepare_sandbox(config: HostConfig) -> str:
    """Make the account if there is none, and return what to tell the operator.

    Raises:
        BadConfig: The state directory cannot be written.
    """
