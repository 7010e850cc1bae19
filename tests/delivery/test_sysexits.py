"""What the exit status of a program means."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.delivery.sysexits import verdict
from mailframe.errors import DeliveryFailed, TemporaryFailure
from mailframe.smtp.replies import refusal


class VerdictTests(SynchronousTestCase):
    """sysexits.h."""

    def test_delivered(self) -> None:
        """0 is delivered."""
        self.assertIsNone(verdict(0))

    def test_temporary(self) -> None:
        """EX_OSERR, EX_IOERR, EX_TEMPFAIL and a signal are tried again."""
        for status in (71, 74, 75, -9):
            found = verdict(status)
            self.assertIsInstance(found, TemporaryFailure)
            assert found is not None
            self.assertEqual(found.status, "4.3.0")

    def test_permanent(self) -> None:
        """The others are refused with the code that says it best."""
        for status, code in (
            *((1, "5.3.0"), (64, "5.3.0"), (65, "5.6.0"), (67, "5.1.1")),
            *((68, "5.1.2"), (73, "5.2.0"), (76, "5.5.0"), (77, "5.7.0")),
            *((78, "5.3.5"), (255, "5.3.0")),
        ):
            found = verdict(status)
            self.assertIsInstance(found, DeliveryFailed)
            assert found is not None
            self.assertEqual(found.status, code)
            self.assertEqual(refusal(found)[:9], f"554 {code}".encode())
