"""Tests of :mod:`mailframe.auth.sql.queries`."""

from twisted.trial.unittest import SynchronousTestCase

from mailframe.auth.sql.queries import Query


class QueryTests(SynchronousTestCase):
    """A colon is a parameter where it can be one, and nowhere else."""

    def test_percent(self) -> None:
        """Parameters and percent signs become what psycopg takes."""
        for text, wanted in (
            ("x = :user", "x = %(user)s"),
            (":local||'@'||:domain", "%(local)s||'@'||%(domain)s"),
            ("x LIKE '%:user' AND y = :user", "x LIKE '%%:user' AND y = %(user)s"),
            (":user::text", "%(user)s::text"),
            ('":user" = :user', '":user" = %(user)s'),
            ("'it''s :x' || :user", "'it''s :x' || %(user)s"),
            (r"E'it\'s :x' || :user", r"E'it\'s :x' || %(user)s"),
            ("$$ :x $$ || :user", "$$ :x $$ || %(user)s"),
            ("$a$ $$ :x $a$ || :user", "$a$ $$ :x $a$ || %(user)s"),
            (":user -- :x'\n% 2", "%(user)s -- :x'\n%% 2"),
            (":user /* :x ' */", "%(user)s /* :x ' */"),
            ("x[1:2] = :user", "x[1:2] = %(user)s"),
        ):
            query = Query(text)
            self.assertEqual(query.percent, wanted)
            self.assertEqual(query.text, text)

    def test_wrong(self) -> None:
        """A query that cannot work is refused, and the nearest name told."""
        for text, said in (
            ("x = :usr", "has :usr, which does not exist; nearest is :user"),
            ("x = :password", "has :password"),
            ("x = :User", "has :User"),
            ("SELECT 1", "neither :user nor :local"),
            ("x = :domain", "neither :user nor :local"),
            ("x = ':user'", "neither :user nor :local"),
            ("x = ':user", "quote or comment that does not end"),
            ('x = ":user', "quote or comment that does not end"),
            ("x = :user /* ", "quote or comment that does not end"),
            ("", "neither"),
        ):
            with self.assertRaisesRegex(ValueError, said):
                Query(text)
