"""A whole mail host as one service of another Twisted application.

Run it with ``twistd -ny examples/whole_host.py``; mail for ``example.org`` is
kept in ``./example-mail``. Add a user first::

    mailframe user add --state-dir example-mail alice@example.org
"""

import os

from twisted.application import service
from twisted.application.internet import TimerService
from twisted.internet import reactor

from mailframe import MailService
from mailframe.config import host_config

application = service.Application("example")

mail = MailService(
    host_config(
        {
            "hostname": "mail.example.org",
            "domain": ["example.org"],
            "state-dir": "example-mail",
            "smtp": [os.environ.get("SMTP", "tcp:2525:interface=127.0.0.1")],
            "imap": [os.environ.get("IMAP", "tcp:2143:interface=127.0.0.1")],
        }
    ),
    reactor,
)
mail.setServiceParent(application)

# The rest of the application: here, something that ticks.
TimerService(60, print, "still here").setServiceParent(application)
