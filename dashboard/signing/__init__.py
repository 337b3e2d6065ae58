"""From an action to a confirmed transaction: what a browser session does with wallets.

Pages don't use this directly; :mod:`dashboard.session` is the way in.
"""
