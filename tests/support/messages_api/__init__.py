"""A local stand-in that speaks the Messages API over real HTTP, as strictly as the real one."""

from tests.support.messages_api.organisation import OrganisationScript
from tests.support.messages_api.product_team import ProductTeamScript
from tests.support.messages_api.replies import (
    Answer,
    BrokenStream,
    Foreign,
    Refusal,
    Reply,
    Silence,
    Use,
)
from tests.support.messages_api.server import KEY, MessagesApi, Received, Script

__all__ = [
    "KEY",
    "Answer",
    "BrokenStream",
    "Foreign",
    "MessagesApi",
    "OrganisationScript",
    "ProductTeamScript",
    "Received",
    "Refusal",
    "Reply",
    "Script",
    "Silence",
    "Use",
]
