"""Signed webhooks: the machinery that brings an agency's events to its own address (docs/decisions/0016).

`addresses` and `url` say where it may go, `signing` and `sealed` what it is signed with, `retry` when it is tried
again, `messages` keeps what is on its way, `line` sends one request, `courier` runs it all.
"""
