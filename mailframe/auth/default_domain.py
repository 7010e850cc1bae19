"""The domain of those who are named without one, for whoever looks users up."""


class InDefaultDomain:
    """Looks names up in a domain that can be set later."""

    def __init__(self, default_domain: str) -> None:
        """Begin with ``default_domain``, in whatever case."""
        self._default_domain = default_domain.lower()

    @property
    def default_domain(self) -> str:
        """The domain of names without one, in lower case."""
        return self._default_domain

    @default_domain.setter
    def default_domain(self, domain: str) -> None:
        self._default_domain = domain.lower()
        self.forget()

    def forget(self) -> None:
        """Drop what was worked out with the domain as it was."""
        raise NotImplementedError
