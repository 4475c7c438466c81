"""Recall: looks up what was said in earlier conversations, word for word."""

from __future__ import annotations

from application.briefs import ExecuteBrief, Submission
from infrastructure.models.offline.figures import cell
from infrastructure.models.offline.language import is_stopword, words_of
from infrastructure.models.offline.work import Call, Work, use
from infrastructure.tools.schemas import (
    SearchPastConversationsAnswer,
    SearchPastConversationsArguments,
)

_ASKING_TEXT = (
    "last time past earlier previous conversation conversations session sessions ask asked answer"
    " answered say said discuss discussed talk talked already mal letztes letzten frage gefragt"
    " geantwortet besprochen derniere fois dit repondu ultima vez dicho tell told about i you"
    " over uber know remember find search"
)
_ASKING = frozenset(_ASKING_TEXT.split())
_LONGEST_QUOTE = 600


def recall(brief: ExecuteBrief) -> Work[Submission]:
    """Search for the request's own words and quote what was found."""
    kept = [w for w in words_of(brief.request) if w not in _ASKING and not is_stopword(w)]
    topic = " ".join(dict.fromkeys(kept)) or brief.request
    call = Call("search_past_conversations", SearchPastConversationsArguments(text=topic, limit=5))
    (answer,) = yield from use(call)
    turns = SearchPastConversationsAnswer.model_validate(answer.content).turns
    if not turns:
        said = f"No earlier conversation holds anything about {topic!r}."
        return Submission(done=True, summary=said, data={"topic": topic, "turns": []})
    quotes = [
        f"**{cell(turn.speaker)}**, {turn.said_at[:16].replace('T', ' ')} (session"
        f" {turn.session_id}):\n\n{_quoted(turn.text)}"
        for turn in turns
    ]
    return Submission(
        done=True,
        summary=f"Found about {topic!r}, best match first:\n\n" + "\n\n".join(quotes),
        data={"topic": topic, "turns": [turn.model_dump(mode="json") for turn in turns]},
    )


def _quoted(text: str) -> str:
    cut = text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "\u2026"
    return "\n".join(f"> {line}" for line in cut.splitlines())
