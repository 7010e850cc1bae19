"""Tests of :mod:`mailframe.config_queue`: ``[queue]`` and ``[[route]]``."""

import tomllib
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mailframe.config import BadConfig, host_config, read_file
from mailframe.config_queue import QueueConfig, queue_config
from mailframe.interfaces.delivery import Hop
from mailframe.net.routing import Route
from mailframe.queue.destinations import Pace
from mailframe.queue.schedule import DAY, HOUR, MINUTE, Schedule


class QueueConfigTests(SynchronousTestCase):
    """What the tables mean."""

    def read(self, text: str) -> QueueConfig:
        """Return what a file's text says."""
        return queue_config(tomllib.loads(text))

    def refused(self, text: str) -> str:
        """Return why a file's text is refused."""
        return str(self.assertRaises(BadConfig, self.read, text))

    def test_nothing(self) -> None:
        """Without tables everything is as documented."""
        found = self.read("")
        self.assertEqual(found, QueueConfig())
        self.assertEqual(found.schedules.of("x.example"), Schedule())

    def test_queue(self) -> None:
        """Times and pace for all destinations."""
        found = self.read(
            '[queue]\nretry = ["90s", "5m"]\nlifetime = "2d"\nwarn-after = "1h"\n'
            "concurrency = 8\ntotal = 50\n"
        )
        schedule = found.schedules.of("x.example")
        self.assertEqual(schedule.waits, (90.0, 5 * MINUTE))
        self.assertEqual((schedule.lifetime, schedule.warn_after), (2 * DAY, HOUR))
        self.assertEqual(found.pace, Pace(first=5, most=8, total=50))

    def test_domain(self) -> None:
        """Times, pace and TLS of some domains; what is not said is as for all."""
        found = self.read(
            '[queue]\nlifetime = "2d"\n'
            '[[route]]\ndomain = ["slow.example", ".Slow.Example"]'
            '\nretry = "1h"\nconcurrency = 1\ntls = "verify"\n'
        )
        for name in ("slow.example", "a.b.slow.example"):
            schedule = found.schedules.of(name)
            self.assertEqual((schedule.waits, schedule.lifetime), ((HOUR,), 2 * DAY))
            self.assertEqual(found.pace.most_of(name), 1)
        self.assertEqual(found.pace.most_of("other.example"), Pace().most)
        self.assertEqual(found.schedules.of("other.example").waits, Schedule().waits)
        self.assertEqual(
            found.levels, {"slow.example": "verify", ".slow.example": "verify"}
        )
        self.assertEqual(found.routes, ())

    def test_routes(self) -> None:
        """Where mail goes: by domain, sender, and attempts."""
        found = self.read(
            '[[route]]\ndomain = "käse.example"\nto = ["a.example:26", "lmtp:/run/x"]\n'
            '[[route]]\nsender = ["@Lists.example", "<>"]\nafter = 3\n'
            'to = "smtp:[2001:db8::1]:25"\ntls = "encrypt"\n'
        )
        self.assertEqual(
            found.routes,
            (
                Route(
                    (Hop("a.example", 26), Hop("/run/x", 0, True, "none")),
                    ("xn--kse-qla.example",),
                ),
                Route(
                    (Hop("2001:db8::1", 25, False, "encrypt"),),
                    (),
                    ("@lists.example", "<>"),
                    3,
                ),
            ),
        )

    def test_login(self) -> None:
        """A user and a password's file; then TLS is not given up."""
        secret = Path(self.mktemp())
        secret.write_bytes(b"geheim\nmore\n")
        found = self.read(
            '[[route]]\nto = ["a.example:587", "b.example:587"]\nuser = "us"\n'
            f'password-file = "{secret}"\n'
        )
        self.assertEqual({hop.tls for hop in found.routes[0].hops}, {"encrypt"})
        self.assertEqual(list(found.logins), ["a.example:587", "b.example:587"])
        self.assertNotIn("geheim", repr(found))

    def test_refused(self) -> None:
        """What is wrong is named, with the table it is in."""
        for text, words in (
            ("[queue]\nlifetme = 1", "[queue]: there is no key 'lifetme'; nearest is"),
            ("[queue]\nlifetime = 5", "[queue]: lifetime must be a text"),
            ('[queue]\nretry = ["5 m"]', "[queue]: retry: 5 m: not 30s"),
            ('[queue]\nlifetime = "0s"', "[queue]: waits and times"),
            ("[queue]\ntotal = 0", "[queue]: total is from 1 to"),
            ("route = 1", "route: must be tables"),
            ("queue = 1", "[queue]: must be a table"),
            ('[[route]]\ntoo = "x"', "[[route]] 1: there is no key 'too'"),
            ('[[route]]\nto = "x:y"', "[[route]] 1: to: x:y: not a host and port"),
            ('[[route]]\nto = "x"\ntls = "much"', "[[route]] 1: tls is one of none"),
            ('[[route]]\ndomain = "x"', "[[route]] 1: says nothing"),
            ('[[route]]\nsender = "<>"\nretry = "5m"', "retry needs domain"),
            ('[[route]]\ntls = "may"', "tls needs domain"),
            ('[[route]]\nto = "x"\nuser = "u"', "user and password-file go together"),
            (
                '[[route]]\nto = "x"\nuser = "u"\npassword-file = "/nowhere"',
                "/nowhere: No such file",
            ),
        ):
            self.assertIn(words, self.refused(text))

    def test_file(self) -> None:
        """The tables stand in the file beside its other keys."""
        path = self.mktemp()
        Path(path).write_text(
            'hostname = "mail.example.org"\nresolver = "127.0.0.1:5353"\n'
            '[queue]\nlifetime = "3d"\n[[route]]\nto = "x.example"\n'
        )
        config = host_config(read_file(path))
        self.assertEqual(config.queue.schedules.default.lifetime, 3 * DAY)
        self.assertEqual(config.queue.routes[0].hops, (Hop("x.example", 25),))
        self.assertEqual(config.resolvers, ("127.0.0.1:5353",))
        Path(path).write_text("[[rote]]\n")
        error = self.assertRaises(BadConfig, read_file, path)
        self.assertIn("nearest is 'route'", str(error))
