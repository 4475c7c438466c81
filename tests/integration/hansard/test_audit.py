"""The audit of the Python API: every look is recorded, and exports say what the lists say."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hansard
from application.auditing.accesses import NotRecordedError
from application.errors import (
    BadRequestError,
    ConflictError,
    IntegrityError,
    NotFoundError,
    UnavailableError,
)
from domain.audit import Look
from hansard.api import asynchronous_audit
from hansard.api.audit_exports import csv_row
from hansard.cli.spreadsheet import cell
from infrastructure.database import Connection
from infrastructure.integrity import verify_proof
from projections.delegation_audit import DelegationView
from tests.support.integrity import Attacker
from tests.support.postgres import TestServer

REQUESTS = ("What is 6 * 7?", "What is 1250 * 12?", "Book me a flight to the moon")


@pytest.fixture(scope="module")
def past(
    postgres_server: TestServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimpleNamespace]:
    """An open Hansard in which three sessions have ended; tests add nothing but looks."""
    out = tmp_path_factory.mktemp("audit")
    with (
        postgres_server.fresh_database() as conninfo,
        hansard.open(
            database_url=conninfo,
            output_root=out,
            home=out / "home",
            model="offline",
            actor="auditor-1",
        ) as h,
    ):
        views = [h.run(request) for request in REQUESTS]
        yield SimpleNamespace(h=h, views=views, conninfo=conninfo, home=out / "home")


@pytest.fixture
def h(past: SimpleNamespace) -> hansard.Hansard:
    opened: hansard.Hansard = past.h
    return opened


@pytest.fixture
def own(database_url: str, tmp_path: Path) -> Iterator[hansard.Hansard]:
    """A Hansard of the test's own."""
    with hansard.open(database_url=database_url, output_root=tmp_path / "out") as opened:
        yield opened


def looks(h: hansard.Hansard) -> list[Any]:
    """List all looks but those at the list of looks."""
    found = h.accesses(limit=1000).items
    return [view for view in found if view.access.look is not Look.ACCESSES]


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "agent": st.sampled_from(["MM_001", "NOVA_001", "FIN_007", "NOBODY"]),
        "department": st.sampled_from(["analytics", "finance"]),
        "strategy": st.sampled_from(["rules", "hierarchy"]),
        "policy_version": st.sampled_from(["1", "2"]),
        "outcome": st.sampled_from(["completed", "failed", "open"]),
        "confidence_under": st.sampled_from([0.0, 0.5, 0.95, 1.0]),
    },
)


@settings(
    deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(filters=FILTERS, size=st.integers(1, 4), number=st.none() | st.integers(0, 2))
def test_exports_hold_what_all_pages_of_the_list_hold(
    past: SimpleNamespace,
    tmp_path_factory: pytest.TempPathFactory,
    filters: dict[str, Any],
    size: int,
    number: int | None,
) -> None:
    h: hansard.Hansard = past.h
    session = None if number is None else past.views[number].session_id
    folder = tmp_path_factory.mktemp("exports")
    at = h.audit(session).position
    listed: list[DelegationView] = []
    after: int | None = 0
    while after is not None:
        page = h.audit(session, at=at, after=after, limit=size, **filters)
        listed += page.items
        after = page.next

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asynchronous_audit, "EXPORTED_AT_ONCE", size)
        written = [
            h.export_audit(folder / name, session, at=at, **filters)
            for name in ("a.csv", "a.jsonl", "a.json")
        ]

    assert [each.format for each in written] == ["csv", "jsonl", "bundle"]
    assert {each.decisions for each in written} == {len(listed)}
    assert {each.as_of for each in written} == {at}
    lines = (folder / "a.jsonl").read_text("utf-8").splitlines()
    assert [DelegationView.model_validate_json(line) for line in lines] == listed
    rows = list(csv.DictReader(io.StringIO((folder / "a.csv").read_text("utf-8"), newline="")))
    assert rows == [
        {name: _said(value) for name, value in csv_row(view).items()} for view in listed
    ]
    bundle = json.loads((folder / "a.json").read_text("utf-8"))
    assert [each["decision"] for each in bundle["decisions"]] == [
        view.model_dump(mode="json") for view in listed
    ]
    assert bundle["count"] == len(listed)
    verify_proof.verify_audit((folder / "a.json").read_bytes(), bundle, written[2].key or "")


def _said(value: object) -> str:
    found = cell(value)
    return "" if found is None else str(found).replace("\r\n", "\n")


def test_every_look_is_recorded_once_with_who_looked_at_what(
    h: hansard.Hansard, past: SimpleNamespace, tmp_path: Path
) -> None:
    session = past.views[0].session_id
    task = past.views[0].tasks[-1].task_id
    before = looks(h)

    page = h.audit(session, agent="MM_001", limit=7)
    why = h.why(task)
    decision = h.why(page.items[0].decision_id)
    written = h.export_audit(tmp_path / "x.csv", outcome="completed")
    found = looks(h)[len(before) :]

    assert [view.access.look for view in found] == [
        Look.LIST,
        Look.EXPLANATION,
        Look.EXPLANATION,
        Look.EXPORT,
    ]
    assert {view.actor for view in found} == {"auditor-1"}
    listing, explanation, of_decision, export = (view.access for view in found)
    assert (listing.session_id, listing.as_of) == (session, page.position)
    assert listing.filters == {"agent": "MM_001", "after": 0, "limit": 7}
    assert listing.decisions == len(page.items)
    assert (explanation.session_id, explanation.task_id) == (session, task)
    assert (explanation.as_of, explanation.decisions) == (why.position, len(why.decisions))
    assert explanation.decision_id is None
    assert of_decision.decision_id == decision.decision_id == page.items[0].decision_id
    assert export.filters == {"outcome": "completed"}
    assert export.export is not None
    assert export.export.sha256 == written.sha256
    assert (export.export.size, export.decisions) == (written.size, written.decisions)
    assert found[-1].position == written.access_position


def test_looking_at_looks_is_recorded_too_but_not_in_its_own_answer(h: hansard.Hansard) -> None:
    first = h.accesses(limit=1000)
    second = h.accesses(limit=1000)

    assert len(second.items) == len(first.items) + 1
    assert second.items[-1].access.look is Look.ACCESSES
    assert second.items[-1].access.decisions == len(first.items)
    assert second.items[-1].position > first.position


def test_looks_are_found_by_who_and_when(h: hansard.Hansard) -> None:
    for _ in range(3):
        h.audit()
    everything = h.accesses(limit=1000).items
    middle = everything[len(everything) // 2]

    since = h.accesses(since=middle.recorded_at, limit=1000).items
    until = h.accesses(until=middle.recorded_at, limit=1000).items

    assert since[0] == middle or since[0].recorded_at == middle.recorded_at
    assert all(view.recorded_at < middle.recorded_at for view in until)
    assert h.accesses(actor="nobody").items == ()
    assert h.accesses(at=everything[0].position).items == everything[:1]
    assert h.accesses(limit=1, after=everything[0].position).items == everything[1:2]


def test_looking_changes_no_session(h: hansard.Hansard, past: SimpleNamespace) -> None:
    view = past.views[0]

    h.audit(view.session_id)
    h.why(view.tasks[0].task_id)

    assert h.session(view.session_id).state_hash == view.state_hash
    assert h.session(view.session_id) == view


def test_a_failed_look_shows_and_records_nothing(h: hansard.Hansard, tmp_path: Path) -> None:
    before = len(looks(h))

    with pytest.raises(NotFoundError):
        h.why("019a0000-0000-7000-8000-00000000dead")
    with pytest.raises(BadRequestError, match="confidence_under 2"):
        h.audit(confidence_under=2)
    with pytest.raises(BadRequestError, match="actor 'Anna Schmidt' cannot be used"):
        h.accesses(actor="Anna Schmidt")
    for text in ("\udcff", "a\x00"):
        with pytest.raises(BadRequestError, match="it is no valid text"):
            h.audit(agent=text)
    with pytest.raises(BadRequestError, match="tells no format"):
        h.export_audit(tmp_path / "x.txt")
    with pytest.raises(BadRequestError, match="'xml' is no format"):
        h.export_audit(tmp_path / "x.csv", format="xml")
    (tmp_path / "there.csv").write_text("mine")
    with pytest.raises(ConflictError, match="exists"):
        h.export_audit(tmp_path / "there.csv")
    with pytest.raises(BadRequestError, match="cannot be written"):
        h.export_audit(tmp_path / "there.csv" / "x.csv")

    assert len(looks(h)) == before
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["there.csv"]


def test_an_export_can_replace_a_file_and_only_its_owner_may_read_it(
    h: hansard.Hansard, tmp_path: Path
) -> None:
    file = tmp_path / "deep" / "x.csv"

    h.export_audit(file)
    written = h.export_audit(file, force=True)

    assert file.stat().st_size == written.size
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["x.csv"]


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.json"])
def test_what_cannot_be_recorded_is_neither_shown_nor_written(
    own: hansard.Hansard, connection: Connection, tmp_path: Path, name: str
) -> None:
    view = own.run("What is 6 * 7?")
    own.audit()
    connection.execute("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA hansard FROM hansard_writer")
    try:
        for look in (
            own.audit,
            lambda: own.why(view.tasks[0].task_id),
            own.accesses,
            lambda: own.export_audit(tmp_path / name),
        ):
            with pytest.raises(NotRecordedError, match="Nothing is shown"):
                look()
    finally:
        connection.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA hansard TO hansard_writer")
    assert not (tmp_path / name).exists()
    assert not [path for path in tmp_path.iterdir() if path.suffix in {".csv", ".jsonl", ".json"}]
    assert len(looks(own)) == 1


def test_who_looks_is_the_user_of_the_system_unless_somebody_is_named(
    own: hansard.Hansard, database_url: str
) -> None:
    own.audit()
    with hansard.open(database_url=database_url, actor="eve:7") as other:
        other.audit()

    mine, eves = looks(own)
    assert mine.actor == mine.access.system_user == eves.access.system_user
    assert eves.actor == "eve:7"


@pytest.mark.parametrize("actor", ["Anna Schmidt", "a@example.org", "", "-x", "x" * 201])
def test_an_actor_needs_a_plain_name(actor: str, database_url: str) -> None:
    with (
        pytest.raises(BadRequestError, match="'actor'"),
        hansard.open(database_url=database_url, actor=actor),
    ):
        pass


def test_a_login_that_may_only_read_is_shown_nothing(
    own: hansard.Hansard, connection: Connection, database_url: str
) -> None:
    view = own.run("What is 6 * 7?")
    name = f"auditor_{connection.info.backend_pid}"
    connection.execute(f"CREATE ROLE {name} LOGIN IN ROLE hansard_reader".encode())
    try:
        with hansard.open(database_url=f"{database_url} user={name}") as reader:
            with pytest.raises(UnavailableError, match="does not allow this user"):
                reader.audit()
            with pytest.raises(NotRecordedError, match="does not allow this user"):
                reader.why(view.tasks[0].task_id)
    finally:
        connection.execute(f"DROP OWNED BY {name}".encode())
        connection.execute(f"DROP ROLE {name}".encode())


def test_why_proves_every_link_by_a_checkpoint_that_it_makes(
    h: hansard.Hansard, past: SimpleNamespace
) -> None:
    for task in past.views[1].tasks:
        view = h.why(task.task_id)
        proofs = [link.inclusion for link in view.chain] + [
            each.inclusion for each in view.decisions
        ]
        assert all(proof is not None and proof.verified for proof in proofs)
        assert {proof.position for proof in proofs if proof} >= {
            each.position for each in view.decisions
        }


def test_why_tells_of_an_unplaced_request_whom_it_was_too_hard_for(
    h: hansard.Hansard, past: SimpleNamespace
) -> None:
    root = past.views[2].tasks[0]

    view = h.why(root.task_id)

    assert view.task == root
    assert view.chain[-1].type.startswith("session.")
    assert [each.decision.decision_id for each in view.decisions] == [
        row.decision_id for row in h.audit(task_id=root.task_id).items
    ]


def test_a_list_and_an_explanation_say_the_same_of_what_a_task_took(
    h: hansard.Hansard, past: SimpleNamespace
) -> None:
    for row in h.audit(limit=1000).items:
        [explained] = h.why(row.decision_id).decisions
        assert explained.own.model_dump() == row.own.model_dump()
        assert explained.inclusive.model_dump() == row.inclusive.model_dump()
        assert explained.working_ms == row.working_ms
        assert (explained.from_agent, explained.to_agent) == (row.from_agent, row.to_agent)
        assert (explained.position, explained.outcome_position) == (
            row.position,
            row.outcome_position,
        )


@pytest.fixture(scope="module")
def bundle(past: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """A signed bundle of one session, and the key that signed it."""
    file = tmp_path_factory.mktemp("bundle") / "b.json"
    written = past.h.export_audit(file, past.views[0].session_id)
    return file.read_bytes(), written.key


def proven(data: bytes, key: str) -> bool:
    """Tell what the program would say."""
    try:
        content = json.loads(data.decode("utf-8"))
        if not isinstance(content, dict) or content.get("format") != verify_proof.AUDIT_FORMAT:
            return False
        verify_proof.verify_audit(data, content, key)
    except (verify_proof.ProofError, ValueError):
        return False
    return True


def test_any_changed_byte_of_a_bundle_is_found(bundle: tuple[bytes, str]) -> None:
    data, key = bundle
    assert proven(data, key)

    chosen = random.Random(7)  # noqa: S311 - a sample, the same each time
    places = {*chosen.sample(range(len(data)), 60), 0, len(data) - 1, *range(-100, -1)}
    for place in places:
        for bit in (0, 4):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            assert not proven(bytes(changed), key), place


def test_a_bundle_that_is_cut_or_longer_is_found(bundle: tuple[bytes, str]) -> None:
    data, key = bundle

    for changed in (data[:-1], data + b" ", data + data, b" " + data, data[:-2] + b" }\n", b""):
        assert not proven(changed, key)


def test_a_bundle_signed_anew_by_somebody_else_is_found(
    bundle: tuple[bytes, str], database_url: str, tmp_path: Path
) -> None:
    data, key = bundle
    with hansard.open(database_url=database_url) as other:
        other.run("What is 6 * 7?")
        written = other.export_audit(tmp_path / "other.json")

    assert written.key is not None
    assert proven((tmp_path / "other.json").read_bytes(), written.key)
    assert not proven((tmp_path / "other.json").read_bytes(), key)
    assert not proven(data, written.key)


def test_even_the_holder_of_the_key_cannot_say_otherwise_than_the_events_do(
    bundle: tuple[bytes, str], past: SimpleNamespace
) -> None:
    data, key = bundle
    signer = past.h._inner._house.integrity.keys.signer()
    changes = [
        ('"confidence":1.0', '"confidence":0.5'),
        ('"to_agent":"MM_001"', '"to_agent":"MM_002"'),
        ('"strategy":"hierarchy"', '"strategy":"whim"'),
    ]
    for old, new in changes:
        body = data[: data.rfind(b'"signature": "')].decode()
        assert old in body
        forged = body.replace(old, new, 1).encode()
        digest = sha256(forged).hexdigest()
        signature = signer.sign_export("hansard-audit-v1", digest)
        assert not proven(forged + f'"signature": "{signature}"}}\n'.encode(), key), old


def test_no_bundle_is_made_of_a_changed_log(
    own: hansard.Hansard, connection: Connection, tmp_path: Path
) -> None:
    own.run("What is 6 * 7?")
    decision = own.audit().items[0]
    own.export_audit(tmp_path / "before.json")
    Attacker(connection).run(
        "UPDATE events SET actor = 'FIN_999' WHERE position = :at", at=decision.position
    )

    with pytest.raises(IntegrityError):
        own.export_audit(tmp_path / "after.json")

    assert not (tmp_path / "after.json").exists()
    view = own.why(decision.decision_id)
    assert view.decisions[0].inclusion is not None
    assert not view.decisions[0].inclusion.verified


def test_a_bundle_of_sealed_words_is_proven_before_and_after_they_are_forgotten(
    own: hansard.Hansard, tmp_path: Path
) -> None:
    own.run("What is 6 * 7?", subject="customer-42")
    before = own.export_audit(tmp_path / "before.json")
    own.forget("customer-42", reason="Asked for.")
    after = own.export_audit(tmp_path / "after.json")

    for written in (before, after):
        data = Path(written.file).read_bytes()
        assert proven(data, written.key or "")
        assert b'"sealed"' not in data  # it is in the payloads, and those are base64
    reasons = [each["decision"]["reason"] for each in json.loads(data)["decisions"]]
    assert set(reasons) == {"[erased]"}


def test_a_bundle_of_a_fork_proves_what_it_inherited_and_what_it_did(
    own: hansard.Hansard, tmp_path: Path
) -> None:
    view = own.run("What is 6 * 7?")
    [*_, last] = own.audit(view.session_id).items
    fork = own.fork(view.session_id, last.position - 1, reason="Again.").session_id
    assert fork is not None
    own.resume(fork)

    written = own.export_audit(tmp_path / "fork.json", fork)

    data = Path(written.file).read_bytes()
    assert proven(data, written.key or "")
    exported = json.loads(data)["decisions"]
    assert {each["decision"]["session_id"] for each in exported} == {
        str(view.session_id),
        str(fork),
    }
    assert own.why(last.task_id).session_id == view.session_id
    of_fork = own.why(last.task_id, session=fork)
    assert of_fork.session_id == fork
    assert of_fork.decisions[-1].position > last.position
    assert all(link.inclusion and link.inclusion.verified for link in of_fork.chain)
