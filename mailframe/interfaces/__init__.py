"""Every extension point of mailframe, as zope interfaces.

================================  ===========================================
to do this                        provide this
================================  ===========================================
check passwords                   ``ICredentialsChecker`` (:mod:`.auth`)
check tokens, proofs, tickets     the same, for :mod:`.credentials`
say which addresses exist         :class:`.auth.IUserDirectory`
keep mail                         :class:`.mailbox.IMailAccount`,
                                  :class:`.mailbox.IMailbox`
keep mail for POP3 only           :class:`.maildrop.IMaildrop`
offer a store to ``--realm``      :class:`.plugin.IRealmFactory`
decide what mail is accepted      :class:`.delivery.IMailReceiver`
look at clients before any mail   :class:`.delivery.IDoorkeeper`
check messages on their way in    :class:`.check.IMessageCheck`
offer a check                     :class:`.check.ICheckFactory`
offer a table of addresses        :class:`.lookup.ILookup`,
                                  :class:`.lookup.ILookupFactory`
follow URLs in submitted mail     :class:`.content.IContentByURL`
carry mail one hop further        :class:`.delivery.IRelay`
choose the next hop               :class:`.delivery.IRouter`
hold mail until it has gone       :class:`.spool.ISpool`
================================  ===========================================

Imports values of :mod:`mailframe.model` and :mod:`mailframe.errors`, and
:mod:`twisted.cred` / :mod:`twisted.plugin` through :mod:`.auth` and
:mod:`.plugin`; never a protocol.
"""
