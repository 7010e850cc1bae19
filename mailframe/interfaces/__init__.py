"""Every extension point of mailframe, as zope interfaces.

================================  ===========================================
to do this                        provide this
================================  ===========================================
check passwords or tokens         ``ICredentialsChecker`` (:mod:`.auth`)
say which addresses exist         :class:`.auth.IUserDirectory`
keep mail                         :class:`.mailbox.IMailAccount`,
                                  :class:`.mailbox.IMailbox`
keep mail for POP3 only           :class:`.maildrop.IMaildrop`
offer a store to ``--realm``      :class:`.plugin.IRealmFactory`
decide what mail is accepted      :class:`.delivery.IMailReceiver`
check messages on their way in    :class:`.check.IMessageCheck`
carry mail one hop further        :class:`.delivery.IRelay`
choose the next hop               :class:`.delivery.IRouter`
hold mail until it has gone       :class:`.spool.ISpool`
================================  ===========================================

Imports values of :mod:`mailframe.model` and :mod:`mailframe.errors`, and
:mod:`twisted.cred` / :mod:`twisted.plugin` through :mod:`.auth` and
:mod:`.plugin`; never a protocol.
"""
