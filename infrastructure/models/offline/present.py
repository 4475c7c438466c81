"""Present: tells the user what came out, from the results as they are."""

from __future__ import annotations

from application.briefs import PresentBrief, ResultBrief
from domain.artefact import Artefact

OFFLINE_NOTE = (
    "Answered by Hansard's offline rules, without a language model. Set ANTHROPIC_API_KEY to let"
    " one serve."
)
_ENGLISH_ONLY = {
    "de": "Der Offline-Modus antwortet auf Englisch.",
    "fr": "Le mode hors ligne r\u00e9pond en anglais.",
    "es": "El modo sin conexi\u00f3n responde en ingl\u00e9s.",
    "it": "La modalit\u00e0 offline risponde in inglese.",
    "pt": "O modo offline responde em ingl\u00eas.",
}


def present(brief: PresentBrief) -> str:
    """Write the answer: the last result in full, what failed, the files, and who answered."""
    parts = []
    done = [item for item in brief.results if item.result is not None]
    failed = [item for item in brief.results if item.failure]
    if failed:
        parts.append(_failures(failed, reached=bool(done) and done[-1] is brief.results[-1]))
    if done and (done[-1] is brief.results[-1] or not failed):
        parts += [item.result.summary for item in _shown(done) if item.result]
    elif done:
        parts.append("Done before that: " + ", ".join(item.title for item in done) + ".")
    if brief.artefacts:
        files = "\n".join(f"- `{artefact.path}`{_titled(artefact)}" for artefact in brief.artefacts)
        parts.append(f"Files:\n\n{files}")
    parts.append(_signed(brief.intent.language))
    return "\n\n".join(parts)


def _titled(artefact: Artefact) -> str:
    return f": {artefact.title}" if artefact.title not in {"", artefact.path} else ""


def _shown(done: list[ResultBrief]) -> list[ResultBrief]:
    """The last result answers; charts drawn beside it are shown with it unless it embeds them."""
    last = done[-1]
    embedded = last.result is not None and "files" in last.result.data
    charts = [
        item
        for item in done[:-1]
        if item.result is not None and "charts" in item.result.data and not embedded
    ]
    return [last, *charts]


def _failures(failed: list[ResultBrief], *, reached: bool) -> str:
    first = "Parts of the work could not be done." if reached else "This could not be done."
    lines = "\n".join(
        f"- {item.title}: {item.failure}" for item in failed if not _follows(item, failed)
    )
    return f"{first}\n\n{lines}"


def _follows(item: ResultBrief, failed: list[ResultBrief]) -> bool:
    """Tell whether a failure only repeats the failure of a task it depends on."""
    others = [other.failure for other in failed if other.failure and other is not item]
    return any(other != item.failure and other in (item.failure or "") for other in others)


def _signed(language: str) -> str:
    note = _ENGLISH_ONLY.get(language.partition("-")[0], "")
    return f"*{f'{note} ' if note else ''}{OFFLINE_NOTE}*"
