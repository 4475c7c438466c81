"""Consensus: which answer several voters gave, though some are silent and some may lie.

Voters answer to one recorder, the engine, which writes each vote into the log before it counts; so
no storage has to agree on anything here, and what a liar can do is vote wrongly, stay silent or say
different things when asked more than once. Two rules:

`majority` tolerates voters that fall silent (crash faults). With n voters an answer needs
n // 2 + 1 votes, so (n - 1) // 2 may be silent, and two answers never have enough.

`quorum` tolerates f voters that lie (byzantine faults) out of n >= 3f + 1. An answer needs
(n + f) // 2 + 1 votes, which is 2f + 1 for n = 3f + 1, and at least that for more. Any two sets of
that many voters share at least f + 1, one of whom is honest and votes once; so two answers never
both have enough, whichever votes a count has seen. The n - f honest ones are always that many, so
liars cannot block an answer on which the honest agree. The argument is that of Castro and Liskov,
Practical Byzantine Fault Tolerance (OSDI 1999), sections 3 and 4, and for n > 3f + 1 of Malkhi and
Reiter, Byzantine Quorum Systems, Distributed Computing 11 (1998), section 3. As PBFT prepares
before it commits, votes are cast, then each voter is told the digest of all votes cast and confirms
its own; only a confirmed vote counts, and who says something else the second time equivocates.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from domain.judgement import Tally

MAJORITY = "majority"
QUORUM = "quorum"

Votes = Mapping[str, Sequence[str]]
"""What each voter said, by handle, in the order of asking; nothing from who was silent. Answers
are normalised."""


@dataclass(frozen=True, slots=True)
class _Count:
    """The votes that count.

    Attributes:
        answers: by handle of the voter.
        support: votes of each answer, the most first; ties in order of the answer.
    """

    answers: Mapping[str, str]
    equivocators: tuple[str, ...]
    unconfirmed: tuple[str, ...]
    support: Sequence[tuple[str, int]]

    @property
    def most(self) -> int:
        """Votes of the answer that has the most."""
        return self.support[0][1] if self.support else 0

    def outcome(self, required: int) -> str | None:
        """The answer that has enough votes."""
        return self.support[0][0] if self.most >= required else None


def majority_required(voters: int) -> int:
    """Tell how many votes more than half of the voters are."""
    return voters // 2 + 1


def quorum_required(voters: int, faults: int) -> int:
    """Tell how many votes any two answers cannot both have, though `faults` voters lie."""
    return (voters + faults) // 2 + 1


def digest_of(votes: Votes) -> str:
    """Give the SHA-256, in hex, of the votes as cast, independent of their order."""
    cast = {voter: list(said) for voter, said in sorted(votes.items())}
    return hashlib.sha256(json.dumps(cast, ensure_ascii=False).encode()).hexdigest()


def count_majority(votes: Votes) -> Tally:
    """Count by majority; every voter is a key of `votes`, who was silent too."""
    count = _count(votes, confirmed=None)
    required = majority_required(len(votes))
    outcome = count.outcome(required)
    return _tally(MAJORITY, votes, count, (len(votes) - 1) // 2, required, outcome)


def count_quorum(
    votes: Votes, faults: int, confirmations: Mapping[str, str | None] | None = None
) -> Tally:
    """Count by byzantine quorum; every voter is a key of `votes`, who was silent too.

    Args:
        votes: as they were cast.
        faults: voters that may lie or be silent.
        confirmations: what voters said when they were asked to confirm; None in it, or no entry,
            where they said nothing. None altogether when nobody was asked.
    """
    said = votes
    confirmed: set[str] | None = None
    if confirmations is not None:
        again = {voter: answer for voter, answer in confirmations.items() if answer is not None}
        said = {voter: [*cast, *_one(again.get(voter))] for voter, cast in votes.items()}
        confirmed = set(again)
    count = _count(said, confirmed)
    required = quorum_required(len(votes), faults)
    enough = len(votes) >= 3 * faults + 1 and len(count.equivocators) <= faults
    outcome = count.outcome(required) if enough else None
    digest = "" if confirmations is None else digest_of(votes)
    return _tally(QUORUM, votes, count, faults, required, outcome, digest)


def majority_settled(votes: Votes, outstanding: Collection[str]) -> bool:
    """Tell whether the votes that are still missing cannot change a majority's outcome any more.

    Args:
        outstanding: voters that may still say something.
    """
    said = {voter: votes[voter] for voter in votes if voter not in outstanding}
    most, required = _count(said, confirmed=None).most, majority_required(len(votes))
    return most >= required or most + len(outstanding) < required


def _count(votes: Votes, confirmed: Collection[str] | None) -> _Count:
    equivocators = tuple(sorted(voter for voter in votes if len(set(votes[voter])) > 1))
    answers = {voter: said[0] for voter, said in votes.items() if len(set(said)) == 1}
    unconfirmed: tuple[str, ...] = ()
    if confirmed is not None:
        unconfirmed = tuple(sorted(voter for voter in answers if voter not in confirmed))
    counted = Counter(answer for voter, answer in answers.items() if voter not in unconfirmed)
    support = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return _Count(answers, equivocators, unconfirmed, support)


def _one(answer: str | None) -> list[str]:
    return [] if answer is None else [answer]


def _tally(
    rule: str,
    votes: Votes,
    count: _Count,
    faults: int,
    required: int,
    outcome: str | None,
    digest: str = "",
) -> Tally:
    return Tally(
        rule=rule,
        votes={voter: said[0] if said else None for voter, said in votes.items()},
        equivocators=count.equivocators,
        unconfirmed=count.unconfirmed,
        faults=faults,
        required=required,
        support=count.most,
        digest=digest,
        outcome=outcome,
        reason=_reason(rule, votes, count, faults, required, outcome),
    )


def _reason(
    rule: str, votes: Votes, count: _Count, faults: int, required: int, outcome: str | None
) -> str:
    silent = sum(1 for said in votes.values() if not said)
    aside = [f"{silent} of {len(votes)} voters were silent"] if silent else []
    if count.equivocators:
        aside.append(f"{', '.join(count.equivocators)} said different things")
    if count.unconfirmed:
        aside.append(f"{', '.join(count.unconfirmed)} did not confirm")
    besides = f" ({'; '.join(aside)})" if aside else ""
    if outcome is not None:
        return f"{count.most} of {len(votes)} votes agree, and {required} are needed{besides}."
    if rule == QUORUM and len(votes) < 3 * faults + 1:
        return (
            f"{len(votes)} voters cannot tolerate {faults} liars: at least {3 * faults + 1} voters"
            f" are needed{besides}."
        )
    if rule == QUORUM and len(count.equivocators) > faults:
        return f"More voters lied than the {faults} that are tolerated{besides}."
    return (
        f"No answer has the {required} votes it needs; the one with the most has"
        f" {count.most} of {len(votes)}{besides}."
    )
