"""What is wrong with a table, and in which line of which file."""


class BrokenTable(Exception):
    """A file is not what it should be."""

    def __init__(self, path: str, line: int, why: str) -> None:
        """Say where.

        Args:
            path: The file.
            line: Its line, from 1; 0 when it is not about one line.
            why: One line for people.
        """
        super().__init__(f"{path}:{line}: {why}" if line else f"{path}: {why}")
