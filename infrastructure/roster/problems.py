"""Problems of a roster file, all at once."""

from __future__ import annotations

from infrastructure.yaml_files.problems import MAX_SHOWN, Problem, YamlFileError

__all__ = ["MAX_SHOWN", "Problem", "RosterError"]


class RosterError(YamlFileError):
    """The roster file cannot be used."""

    KIND = "roster"
    START = "the packaged roster"
