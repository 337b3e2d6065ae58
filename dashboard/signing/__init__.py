"""From an action to a confirmed transaction: what a browser session does with wallets. No page draws from here
directly; :mod:`dashboard.session` is the way in.
"""
