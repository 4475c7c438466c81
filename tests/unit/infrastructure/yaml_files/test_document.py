"""YAML scalars are read by the JSON schema of YAML 1.2, or as the text they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from infrastructure.yaml_files import YamlFileError, read_document
from infrastructure.yaml_files.document import Limits

TYPED = Limits(typed=True)


def value(folder: Path, text: str, limits: Limits = TYPED) -> Any:
    file = folder / "file.yaml"
    file.write_text(f"it: {text}\n", encoding="utf-8")
    return read_document(file, YamlFileError, limits).data["it"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("3", 3),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("no", "no"),
        ("True", "True"),
        ("2026-11-21", "2026-11-21"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("9" * 30, "9" * 30),
        ("'3'", "3"),
        ('"true"', "true"),
        ("|\n  3", "3\n"),
    ],
)
def test_a_typed_scalar_is_what_json_would_call_it(tmp_path: Path, text: str, read: Any) -> None:
    found = value(tmp_path, text)
    assert found == read
    assert type(found) is type(read)


def test_without_types_every_scalar_is_text(tmp_path: Path) -> None:
    assert value(tmp_path, "[3, true, 1.10]", Limits()) == ["3", "true", "1.10"]


@settings(max_examples=30)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner),
        max_leaves=8,
    )
)
def test_what_is_written_as_json_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    file = tmp_path_factory.mktemp("yaml") / "file.yaml"
    file.write_text(yaml.safe_dump({"it": data}), encoding="utf-8")
    assert read_document(file, YamlFileError, TYPED).data["it"] == data
