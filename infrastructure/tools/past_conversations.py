"""Past conversations: searches what was asked and answered in earlier sessions."""

from __future__ import annotations

from pydantic import ValidationError

from infrastructure.tools.calls import Call, Outcome
from infrastructure.tools.failures import internal
from infrastructure.tools.schemas import (
    PastTurn,
    SearchPastConversationsAnswer,
    SearchPastConversationsArguments,
)


def search_past_conversations(call: Call, arguments: SearchPastConversationsArguments) -> Outcome:
    """Search the turns of all sessions but this one; without a record nothing is found."""
    if call.past_turns is None:
        return Outcome(SearchPastConversationsAnswer(turns=()))
    found = call.past_turns.search(arguments.text, arguments.limit, call.session_id)
    try:
        turns = tuple(PastTurn.model_validate(turn) for turn in found[: arguments.limit])
    except ValidationError as error:
        fields = ", ".join(str(problem["loc"][0]) for problem in error.errors() if problem["loc"])
        raise internal(f"The search answered turns with wrong fields: {fields}.") from error
    return Outcome(SearchPastConversationsAnswer(turns=turns))
