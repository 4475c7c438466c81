"""Manifest: what an archive holds, and the proof that it is what was signed, in a file beside it.

With the manifest and the public keys of the log the Parquet file stands for itself: `check` needs
no database.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
)

from infrastructure.archive.catalogue import Archive
from infrastructure.archive.duck import RAW, Duck
from infrastructure.archive.errors import ArchivingError
from infrastructure.archive.file import ArchiveFile, Wanted
from infrastructure.archive.range_proof import root_from_range
from infrastructure.integrity.leaf import RawEvent, leaf_hashes
from infrastructure.integrity.merkle import Range
from infrastructure.integrity.note import Checkpoint, VerifierKey

Hash = Annotated[
    bytes,
    BeforeValidator(lambda value: b64decode(value) if isinstance(value, str) else value),
    PlainSerializer(lambda value: b64encode(value).decode(), when_used="json"),
]


class Manifest(BaseModel):
    """What is said of an archive in the JSON file beside it.

    Attributes:
        file: name of the Parquet file, in the same folder.
        size: bytes of that file.
        sha256: of that file, in hexadecimal.
        recorded_from: when the first event was recorded.
        recorded_until: when the last one was.
        checkpoint: signed note of a tree that covers all of the events.
        proof: roots of the subtrees beside the events, see `range_proof`, in Base64.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["hansard-archive/1"] = "hansard-archive/1"
    log_id: UUID
    first: int
    last: int
    file: str
    size: int
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    recorded_from: datetime
    recorded_until: datetime
    checkpoint: str
    proof: tuple[Hash, ...]

    def archive(self, file: str) -> Archive:
        """Give what the catalogue says of it.

        Args:
            file: path below the folder of archives.
        """
        digest = bytes.fromhex(self.sha256)
        return Archive(self.first, self.last, file, digest, self.size, self.recorded_until)


def check(
    path: Path,
    trusted: Collection[VerifierKey],
    watch: Callable[[Sequence[RawEvent]], None] = lambda _: None,
) -> Manifest:
    """Check that an archive holds what was signed, out of its two files alone.

    Args:
        path: of the manifest.
        trusted: keys whose signatures count.
        watch: is shown all events on the way, some at a time.

    Raises:
        ArchivingError: it does not, or the manifest cannot be read.
        ArchiveDamagedError: the Parquet file is not the one that the manifest names.
        ArchiveUnavailableError: it cannot be read.
        NoteError: the checkpoint is none, or signed by no trusted key.
    """
    manifest = _read(path)
    checkpoint = Checkpoint.parse(manifest.checkpoint)
    checkpoint.verify(trusted, f"hansard/{manifest.log_id}")
    run = Range(manifest.first - 1, manifest.last)
    with closing(Duck(path.parent)) as duck:
        file = ArchiveFile(duck, manifest.archive(manifest.file), path.parent / manifest.file)
        pages = file.rows(Wanted(run.start, run.end), RAW)
        root = root_from_range(_leaves(pages, watch), run, checkpoint.size, manifest.proof)
    if root != checkpoint.root:
        raise ArchivingError(
            f"Positions {manifest.first} to {manifest.last} are not what the checkpoint at"
            f" position {checkpoint.size} was signed for: find out why with `hansard verify`."
        )
    return manifest


def _read(path: Path) -> Manifest:
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise ArchivingError(
            f"The manifest {str(path)!r} cannot be read ({reason}): restore it from a copy, or move"
            " it and the Parquet file beside it away."
        ) from error


def _leaves(
    pages: Iterable[Sequence[RawEvent]], watch: Callable[[Sequence[RawEvent]], None]
) -> Iterator[bytes]:
    for page in pages:
        watch(page)
        yield from leaf_hashes(page)


def digest_of(path: Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
