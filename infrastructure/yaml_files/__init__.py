"""YAML files of the user's: read as plain data, with the line and column of every part."""

from __future__ import annotations

from infrastructure.yaml_files.document import YamlDocument, read_document
from infrastructure.yaml_files.problems import Problem, YamlFileError

__all__ = ["Problem", "YamlDocument", "YamlFileError", "read_document"]
