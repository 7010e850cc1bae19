"""What happens to a message on its way in.

Begin with :mod:`.inbound` (mail for us) and :mod:`.submission` (mail from our
users); both end in :mod:`.transaction`. May import the contracts, ``model``,
``mime`` and Twisted; no protocol and no other adapter.
"""
