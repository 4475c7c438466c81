"""Restoring: a tree of some size from stored tiles and the few events that no tile holds."""

from __future__ import annotations

from infrastructure.integrity.leaf import leaf_hashes
from infrastructure.integrity.locating import TileSource
from infrastructure.integrity.reader import RawReader
from infrastructure.integrity.store import MissingTileError
from infrastructure.integrity.tiles import WIDTH, TiledTree, hashes_of, whole_tiles


def restored(size: int, source: TileSource, reader: RawReader) -> TiledTree:
    """Restore the tree of the first `size` events.

    Nothing is promised of it: compare its root with one that was signed.

    Raises:
        MissingTileError: a tile is missing, or events that no tile holds are.
    """
    number, width = divmod(size, WIDTH)
    kept = source.tile(0, number, width) if width else b""
    if kept is None:
        pages = reader.pages(whole_tiles(size), size)
        rest = [found for page in pages for found in leaf_hashes(page)]
    else:
        rest = hashes_of(kept)
    if len(rest) != width:
        raise MissingTileError(0, number, "and so are events that it was made of")

    def read(level: int, number: int) -> bytes:
        tile = source.tile(level, number)
        if tile is None:
            raise MissingTileError(level, number, "from where the tree is restored from")
        return tile

    return TiledTree(size, read, rest)
