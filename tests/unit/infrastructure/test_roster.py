"""Rosters are read from YAML, and everything wrong with one is said at once, with its place."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.errors import BadRequestError
from application.registration import Roster
from domain.agent import Level
from infrastructure.roster import PACKAGED_ROSTER, RosterError, load_roster
from infrastructure.roster.document import MAX_BYTES
from infrastructure.roster.problems import MAX_SHOWN

DATA_TOOLS = {
    *("list_files", "profile_table", "query_table", "evaluate_expression", "read_file"),
    *("share_value", "read_shared_values"),
}
TOOLS = DATA_TOOLS | {"draw_chart", "write_document", "search_past_conversations"}

SMALL = """\
name: Small
version: 3
levels:
  L2: {tools: [read_file], max_reasoning_turns: 4}
grants:
  - {tool: draw_chart, skills: [charts]}
  - {tool: write_document, departments: [legal]}
personal_agent: {id: ME_001, name: Me}
orchestrator: {id: MM_001, name: Boss, tools: [query_table]}
departments:
  finance:
    label: Finance
    director: {id: DIR_FIN, name: Dora}
    specialists:
      - {id: FIN_001, name: Fred, speciality: Charts, skills: [charts, no, 1.10]}
  legal:
    label: Legal
    director: {id: DIR_LEG, name: Lena, description: Knows the law.}
    specialists:
      - {id: LEG_001, name: Lars, tools: [query_table]}
"""


def load(folder: Path, text: str | bytes) -> Roster:
    path = folder / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_roster(path, TOOLS)


def problems(folder: Path, text: str | bytes) -> list[tuple[int, int, str]]:
    with pytest.raises(RosterError) as caught:
        load(folder, text)
    return [(problem.line, problem.column, problem.message) for problem in caught.value.problems]


def reason(folder: Path, text: str | bytes) -> str:
    with pytest.raises(RosterError) as caught:
        load(folder, text)
    return str(caught.value)


def changed(old: str, new: str) -> str:
    assert SMALL.count(old) == 1
    return SMALL.replace(old, new)


def test_the_packaged_roster_is_the_organisation_of_the_mission() -> None:
    roster = load_roster(None, TOOLS)
    levels = [member.post.level for member in roster.members]
    assert roster.name == "Hansard 1"
    assert [levels.count(level) for level in Level] == [1, 1, 14, 103]
    assert len({member.handle for member in roster.members}) == 119
    assert len(roster.departments) == 14
    twins = [member.handle for member in roster.members if member.display_name == "Quality Quinn"]
    assert twins == ["OPS_002", "CON_005"]
    assert all(member.capabilities.description for member in roster.members)


def test_the_packaged_roster_gives_tools_by_least_privilege() -> None:
    tools = {
        member.handle: set(member.capabilities.tools) for member in load_roster(None, TOOLS).members
    }
    assert tools["FIN_007"] == DATA_TOOLS | {"write_document"}
    assert tools["ANA_003"] == DATA_TOOLS
    assert tools["ANA_007"] == DATA_TOOLS | {"draw_chart"}
    assert tools["ANA_001"] == DATA_TOOLS | {"draw_chart", "write_document"}
    assert tools["CRE_001"] == DATA_TOOLS | {"draw_chart"}
    assert tools["NOVA_001"] == {"search_past_conversations"}
    assert tools["MM_001"] == tools["DIR_FINANCE"] == set()
    drawing = [handle for handle, granted in tools.items() if "draw_chart" in granted]
    writing = [handle for handle, granted in tools.items() if "write_document" in granted]
    assert len(drawing) < 10
    assert len(writing) < 20


def test_a_roster_of_ones_own_is_read_as_it_says(tmp_path: Path) -> None:
    roster = load(tmp_path, SMALL)
    members = {member.handle: member for member in roster.members}
    assert roster.name == "Small 3"
    assert [department.director for department in roster.departments] == ["DIR_FIN", "DIR_LEG"]
    fred, lars = members["FIN_001"], members["LEG_001"]
    assert fred.post.supervisor == "DIR_FIN"
    assert fred.capabilities.description == "Charts"
    assert fred.capabilities.tools == ("draw_chart", "read_file")
    assert fred.capabilities.max_reasoning_turns == 4
    assert lars.capabilities.tools == ("query_table", "read_file", "write_document")
    assert members["DIR_FIN"].capabilities.description == "Directs the department Finance."
    assert members["DIR_LEG"].capabilities.description == "Knows the law."
    assert members["MM_001"].capabilities.tools == ("query_table",)
    assert members["ME_001"].post.supervisor is None


def test_scalars_are_the_text_they_are(tmp_path: Path) -> None:
    members = {member.handle: member for member in load(tmp_path, SMALL).members}
    assert members["FIN_001"].capabilities.skills == ("charts", "no", "1.10")


def test_a_roster_without_rules_for_tools_gets_the_packaged_ones(tmp_path: Path) -> None:
    start, end = SMALL.index("levels:"), SMALL.index("personal_agent:")
    members = load(tmp_path, SMALL[:start] + SMALL[end:]).members
    tools = {member.handle: set(member.capabilities.tools) for member in members}
    assert tools["FIN_001"] == DATA_TOOLS | {"draw_chart"}


def test_the_name_of_the_file_stands_in_for_a_name(tmp_path: Path) -> None:
    text = SMALL.replace("name: Small\nversion: 3\n", "")
    assert load(tmp_path, text).name == "mine"


def test_the_hash_follows_the_content_and_not_its_layout(tmp_path: Path) -> None:
    original = load(tmp_path, SMALL).sha256
    assert load(tmp_path, "# a comment\n" + SMALL).sha256 == original
    assert load(tmp_path, b"\xef\xbb\xbf" + SMALL.encode()).sha256 == original
    assert load(tmp_path, changed("name: Fred", "name: Freda")).sha256 != original
    assert load(tmp_path, changed("skills: [charts]}", "skills: [charts, no]}")).sha256 == original


HERE = "@"
"""Marks the place a problem should be reported at."""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("id: LEG_001", "id: @FIN_001", "taken by the agent on line 15"),
        ("id: LEG_001", "id: @leg-1", "'leg-1' is no handle; use 2 to 32 capital"),
        ("{id: LEG_001, ", "@{", "has no 'id'; add it"),
        ("departments: [legal]", "departments: [@law]", "unknown department 'law'"),
        ("skills: [charts]}", "skills: [@chart]}", "did you mean 'charts'?"),
        ("skills: [charts]}", "skills: [@wands]}", "no agent of this roster has it"),
        ("{tool: draw_chart, skills: [charts]}", "@{tool: draw_chart}", "reaches nobody"),
        ("Lars, tools: [query_table]", "Lars, tools: [@query]", "unknown tool 'query'; "),
        ("tool: draw_chart", "tool: @draw_charts", "did you mean 'draw_chart'?"),
        ("name: Fred", "name: Fred, level: @L1", "has the level 'L2', not 'L1'"),
        ("name: Me", "name: Me, level: @L0", "'personal_agent' has the level 'L-1'"),
        ("name: Fred", "@nmae: Fred", "unknown key 'nmae'; did you mean 'name'?"),
        ("version: 3", "@colour: red", "the keys here are departments, grants, levels"),
        ("label: Finance", "label:@", "must be text, not nothing"),
        ("label: Finance", "label: @' '", "is empty; fill it in"),
        ("  L2:", "  @L9:", "'L9' is no level; the levels are 'L-1', 'L0', 'L1' or 'L2'"),
        ("turns: 4", "turns: @four", "must be a whole number, not 'four'"),
        ("turns: 4", "turns: @0", "greater than or equal to 1"),
        ("  legal:\n", "  @Legal:\n", "'Legal' is no key of a department"),
        ("  legal:\n", "  @finance:\n", "'finance' stands on line 11 already"),
        ("skills: [charts, no, 1.10]", "skills: @charts", "must be a list, not 'charts'"),
    ],
)
def test_a_problem_is_named_with_line_column_value_and_advice(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    before, _, after = changed(old, new).partition(HERE)
    place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
    found = problems(tmp_path, before + after)
    assert [(line, column) for line, column, said in found if message in said] == [place]


def test_a_department_without_director_is_named(tmp_path: Path) -> None:
    text = changed("    director: {id: DIR_FIN, name: Dora}\n", "")
    assert problems(tmp_path, text) == [(11, 3, "'departments.finance' has no 'director'; add it")]


def test_all_problems_are_listed_at_once_from_top_to_bottom(tmp_path: Path) -> None:
    text = SMALL.replace("id: ME_001", "id: me").replace("id: LEG_001", "id: FIN_001")
    text = text.replace("tool: draw_chart", "tool: draw").replace("label: Legal", "lable: Legal")
    found = problems(tmp_path, text)
    assert [line for line, _, _ in found] == [6, 8, 16, 17, 20]
    message = reason(tmp_path, text)
    assert "has 5 problems:" in message
    assert "\n  mine.yaml:20:14: the id 'FIN_001' is taken" in message


def test_very_many_problems_are_cut_short(tmp_path: Path) -> None:
    text = SMALL + "".join(f"key_{number}: 1\n" for number in range(100))
    assert len(problems(tmp_path, text)) == 100
    assert len(reason(tmp_path, text).splitlines()) == MAX_SHOWN + 2
    assert reason(tmp_path, text).endswith(f"and {100 - MAX_SHOWN} more")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "it is empty"),
        (b"# nothing but a comment\n", "it is empty"),
        (b"- a\n- b\n", "mine.yaml:1:1: the roster must be a mapping"),
        (b"just words", "the roster must be a mapping of keys to values, not 'just words'"),
        (b"name: [x", "no valid YAML"),
        (b"a:\n\tb: 1", "mine.yaml:2:1: no valid YAML"),
        (b"a: \x00", "no YAML"),
        (b"name: a\nx: \xff", "mine.yaml:2:4: byte 0xFF is no UTF-8; save the file as UTF-8"),
        (b"a: &x 1\nb: *x", "mine.yaml:2:4: the alias '*x' is not allowed"),
        (b"a: !!python/object/apply:os.system [x]", "tag:yaml.org,2002:python"),
        (b"a: !secret x", "the tag '!secret' is not allowed"),
        (b"name: a\n---\nname: b", "mine.yaml:2:1: a second document starts here"),
        (b"[" * 200_000, "nested more than 12 levels deep"),
        (b"? [a]\n: b", "a key must be a plain word"),
        (b"x" * (MAX_BYTES + 1), "larger than 1,000,000 bytes"),
    ],
)
def test_a_file_that_is_no_roster_is_refused(tmp_path: Path, text: bytes, said: str) -> None:
    assert said in reason(tmp_path, text)


def test_a_yaml_bomb_is_refused_before_it_grows(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert "is not allowed; write values out" in reason(tmp_path, "\n".join(lines))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match=r"absent\.yaml.*there is no such file"):
        load_roster(tmp_path / "absent.yaml", TOOLS)
    with pytest.raises(BadRequestError, match="is a directory"):
        load_roster(tmp_path, TOOLS)


def test_a_tool_this_house_does_not_have_is_a_problem_of_the_packaged_roster_too() -> None:
    with pytest.raises(RosterError, match=r"roster\.yaml:\d+:\d+: unknown tool 'draw_chart'"):
        load_roster(None, TOOLS - {"draw_chart"})


@given(st.binary(max_size=300))
def test_no_bytes_lead_to_anything_but_a_roster_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    with pytest.raises(RosterError):
        load(tmp_path_factory.getbasetemp(), content)


@given(st.data())
def test_no_damage_to_a_good_roster_leads_to_anything_but_a_roster_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    text = PACKAGED_ROSTER.read_text(encoding="utf-8")[:9000] if data.draw(st.booleans()) else SMALL
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 40, len(text))))
    damaged = text[:start] + data.draw(st.text(max_size=5)) + text[end:]
    with suppress(RosterError):
        roster = load(tmp_path_factory.getbasetemp(), damaged.encode("utf-8", "surrogatepass"))
        assert roster.members
