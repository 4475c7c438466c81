"""Messaging: everything that can be done with messages, on one messenger."""

from __future__ import annotations

from application.messaging.chaining import Chains
from application.messaging.gossiping import Gossiping
from application.messaging.messenger import Messenger
from application.messaging.publishing import Topics
from application.messaging.requesting import Requests
from application.messaging.serving import Serving
from application.ports import SessionLease


class Messaging:
    """The use cases of messages; lasts from `messenger.open` to `messenger.close`.

    Args:
        lease: lets one process at a time serve an inbox.
    """

    def __init__(self, messenger: Messenger, lease: SessionLease) -> None:
        self.messenger = messenger
        self.requests = Requests(messenger)
        self.topics = Topics(messenger)
        self.chains = Chains(messenger, self.requests)
        self.gossiping = Gossiping(messenger)
        self.serving = Serving(messenger, lease)
