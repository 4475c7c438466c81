"""Agent factory: one agent from a configuration, completed as a roster completes its agents."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationError

from application.directory import Directory
from application.errors import BadRequestError
from application.registration import Member
from domain.agent import Handle, Level, Post
from domain.value import NonEmptyText
from infrastructure.roster.checking import MESSAGES
from infrastructure.roster.entries import AgentEntry
from infrastructure.roster.loader import packaged_entry, to_member
from infrastructure.yaml_files.complaints import Say, complain, unknown_key
from infrastructure.yaml_files.document import Limits, Place, YamlDocument, read_document
from infrastructure.yaml_files.problems import YamlFileError

MAX_BYTES = 100_000


class AgentFileError(YamlFileError):
    """The file of an agent cannot be used."""

    KIND: ClassVar[str] = "agent"
    START: ClassVar[str] = "an agent of the packaged roster"


class AgentConfiguration(AgentEntry):
    """An agent that joins beside the roster.

    Attributes:
        department: key of its department; only Nova and MasterMind have none.
        supervisor: handle of the agent it reports to; by default its director, of a director the
            orchestrator.
    """

    level: Level = Level.SPECIALIST
    department: NonEmptyText | None = None
    supervisor: Handle | None = None
    speciality: str = ""
    max_reasoning_turns: Annotated[int, Field(ge=1, le=100)] | None = None
    max_memory_turns: Annotated[int, Field(ge=0, le=10_000)] | None = None


def load_agent(path: Path, known_tools: Collection[str]) -> AgentConfiguration:
    """Read the configuration of an agent from a YAML file.

    Raises:
        AgentFileError: the file cannot be used; it lists every problem with line and column.
    """
    document = read_document(path, AgentFileError, Limits(max_bytes=MAX_BYTES))
    try:
        return AgentConfiguration.model_validate(
            document.data, context={"known_tools": known_tools}
        )
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _complain(document, detail)
        raise AgentFileError(path, document.problems) from error


def read_agent(data: Mapping[str, Any], known_tools: Collection[str]) -> AgentConfiguration:
    """Read the configuration of an agent from a program's own data.

    Raises:
        BadRequestError: it is invalid; the message lists every problem.
    """
    try:
        return AgentConfiguration.model_validate(data, context={"known_tools": known_tools})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, detail['loc'])) or 'the agent'}: {detail['msg']}"
            for detail in error.errors(include_url=False)
        )
        raise BadRequestError(f"The agent cannot be made: {problems}.") from error


def make_agent(configuration: AgentConfiguration, directory: Directory) -> Member:
    """Complete an agent: tools by least privilege, skills after its tools, whom it reports to.

    Args:
        directory: the organisation that it joins.

    Raises:
        NotFoundError: there is no such department.
    """
    level = configuration.level
    supervisor = configuration.supervisor or _supervisor(configuration, directory)
    post = Post(level=level, department=configuration.department, supervisor=supervisor)
    member = to_member(packaged_entry(), configuration, post, configuration.speciality)
    limits = {
        name: value
        for name in ("max_reasoning_turns", "max_memory_turns")
        if (value := getattr(configuration, name)) is not None
    }
    capabilities = member.capabilities.model_copy(update=limits)
    return member.model_copy(update={"capabilities": capabilities})


def _supervisor(configuration: AgentConfiguration, directory: Directory) -> str | None:
    if configuration.level is Level.SPECIALIST and configuration.department is not None:
        return directory.department(configuration.department).director
    if configuration.level is Level.DIRECTOR:
        return directory.orchestrator.handle
    if configuration.level is Level.ORCHESTRATOR:
        return directory.personal.handle
    return None


def _complain(document: YamlDocument, detail: Mapping[str, Any]) -> None:
    place: Place = tuple(step for step in detail["loc"] if step != "[key]")
    complain(document, detail, place, SAY, "the agent")


SAY: Mapping[str, Say] = {
    **MESSAGES,
    "extra_forbidden": lambda fault: unknown_key(fault, AgentConfiguration.model_fields),
}
