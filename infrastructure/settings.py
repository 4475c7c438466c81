"""Settings: what the environment, a `.env` file and the caller choose; all of it read here."""

from __future__ import annotations

import os
import shlex
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from platformdirs import user_data_path
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from application.errors import BadRequestError
from domain.value import SubjectId

OFFLINE = "offline"
"""The model that answers by rules, without a key."""

ANTHROPIC = "anthropic"
"""One model of Anthropic for each role: `model_personal` and its neighbours."""

ROLES = ("personal", "orchestrator", "specialist")

PREFIX = "HANSARD_"
SHOWN_LENGTH = 80


class SettingsError(BadRequestError):
    """A setting has a value that cannot be used."""


def _absolute(path: Path) -> Path:
    try:
        return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - keeps symbolic links
    except RuntimeError as error:  # the home of an unknown user
        raise ValueError(str(error)) from error


def _words(command: object) -> object:
    return shlex.split(command) if isinstance(command, str) else command


def _default_home() -> Path:
    return user_data_path("hansard", appauthor=False)


ModelName = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\S+$")]
WebAddress = Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
AnyPath = Annotated[Path, AfterValidator(_absolute)]
Command = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]


class Settings(BaseSettings):
    """The choices of one process; they never change while it runs.

    Each field is read from `HANSARD_<FIELD>`, the two Anthropic ones from the variables of its
    SDK. What the caller passes wins over the environment, that over `.env` in the working folder,
    that over the defaults. A variable that is set to nothing counts as not set.

    Attributes:
        home: folder for everything Hansard keeps; the embedded server lives in `postgres` below.
        database_url: the user's own server, as a URL or in libpq's `key=value` form; what it
            leaves out comes from libpq's `PG*` variables. Without it the embedded server is used.
        migration_url: the same database for a user who may change its schema, such as its owner or
            an administrator; `database_url` by default. Nothing else is done with it.
        keep_server: leave the embedded server running when this process ends.
        model: `offline`, `anthropic`, or the name of one model for every role. By default
            `anthropic` where there is a key, else `offline`.
        model_large: for what is too hard for the model of the role.
        breaker_failures: failures in a row after which a model or a tool is left alone for a while.
        breaker_cooldown_s: seconds after which it is tried again; doubled while it keeps failing.
        max_event_bytes: the largest event payload that is recorded, in bytes; also `16MB`.
        output_root: reports are written to a new folder below.
        max_input_bytes: the largest input file, in bytes; also read as `500MB` or `2GiB`.
        roster: the user's own organisation, as YAML, in place of the packaged one.
        policy: limits, approval rules and guardrails of new sessions, as YAML; the usual ones by
            default.
        archive_folder: where old partitions of the log are moved to; `archive` below `home` by
            default.
        actor: who looks at the audit; the operating system's name of the user by default.
        subject_key_file: the master key that wraps the keys of subjects; `keys/subjects.key` below
            `home` by default.
        checkpoint_key: file of the private key that signs checkpoints; `keys/checkpoint.pem` below
            `home` by default.
        checkpoint_command: gets every checkpoint on its standard input, to keep it in a second
            place; program and arguments as a shell would split them, though none is used.
        embedder: what places texts by their meaning: `static`, `minilm` (once it is installed), or
            `openai:` and the name of a model behind an OpenAI-compatible endpoint.
        embedder_base_url: address of that endpoint, before `/embeddings`.
        embedder_api_key: its key, where it wants one.
        embedder_dimensions: length of vectors to ask it for; by default the model's own.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
        validate_by_name=True,
        validate_by_alias=True,
        protected_namespaces=(),
    )

    home: AnyPath = Field(default_factory=_default_home)
    database_url: SecretStr | None = None
    migration_url: SecretStr | None = None
    keep_server: bool = False

    model: ModelName = ""
    model_personal: ModelName = "claude-haiku-5-5"
    model_orchestrator: ModelName = "claude-sonnet-5-5"
    model_specialist: ModelName = "claude-sonnet-5-5"
    model_large: ModelName = "claude-opus-5-5"
    anthropic_api_key: SecretStr | None = Field(None, validation_alias="ANTHROPIC_API_KEY")
    anthropic_base_url: WebAddress | None = Field(None, validation_alias="ANTHROPIC_BASE_URL")

    breaker_failures: Annotated[int, Field(ge=1)] = 5
    breaker_cooldown_s: Annotated[float, Field(ge=0, le=300)] = 30.0

    max_event_bytes: Annotated[ByteSize, Field(gt=0, le=400_000_000)] = ByteSize(16_000_000)
    output_root: AnyPath = Path("hansard-output")
    max_input_bytes: Annotated[ByteSize, Field(gt=0)] = ByteSize(1_000_000_000)
    roster: AnyPath | None = None
    policy: AnyPath | None = None
    archive_folder: AnyPath | None = None
    actor: SubjectId | None = None
    subject_key_file: AnyPath | None = None
    checkpoint_key: AnyPath | None = None
    checkpoint_command: Command = ()

    embedder: ModelName = "static"
    embedder_base_url: WebAddress | None = None
    embedder_api_key: SecretStr | None = None
    embedder_dimensions: Annotated[int, Field(gt=0, le=4000)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _choose_model(cls, values: dict[str, Any]) -> dict[str, Any]:
        if "model" in values:
            return values
        has_key = bool(values.get("anthropic_api_key") or values.get("ANTHROPIC_API_KEY"))
        return values | {"model": ANTHROPIC if has_key else OFFLINE}

    @model_validator(mode="after")
    def _require_key(self) -> Settings:
        if self.model != OFFLINE and self.anthropic_api_key is None:
            raise SettingsError(
                f"HANSARD_MODEL is {self.model!r} but there is no key for it:"
                f" set ANTHROPIC_API_KEY, or choose {OFFLINE!r}."
            )
        return self

    @property
    def models(self) -> dict[str, str]:
        """Name of the model by role: `personal`, `orchestrator`, `specialist`."""
        if self.model != ANTHROPIC:
            return dict.fromkeys(ROLES, self.model)
        return {role: getattr(self, f"model_{role}") for role in ROLES}

    @property
    def other_models(self) -> dict[str, tuple[str, ...]]:
        """Models that are asked where another one cannot be, by its name."""
        if self.model != ANTHROPIC:
            return {}
        pairs = {
            self.model_personal: self.model_specialist,
            self.model_orchestrator: self.model_large,
            self.model_specialist: self.model_large,
        }
        return {model: (other,) for model, other in pairs.items() if model != other}

    @property
    def archives(self) -> Path:
        """Where old partitions of the log are moved to."""
        return self.archive_folder or self.home / "archive"

    @property
    def key_file(self) -> Path:
        """Where the master key of subjects is kept."""
        return self.subject_key_file or self.home / "keys" / "subjects.key"

    @property
    def is_offline(self) -> bool:
        """Whether rules answer in place of a language model."""
        return self.model == OFFLINE


def load_settings(**overrides: Any) -> Settings:
    """Read the settings.

    Args:
        overrides: values by field name; None leaves the field to the environment.

    Raises:
        SettingsError: a value cannot be used, or a variable is misspelt.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    unknown = sorted(given.keys() - Settings.model_fields.keys())
    if unknown:
        raise TypeError(f"no such settings: {', '.join(unknown)}")
    _reject_misspelt()
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError(_explain(error.errors()[0], given)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The file '.env' in the working folder cannot be read: {error}."
            " Make it readable UTF-8 text, or remove it."
        ) from error


def _reject_misspelt() -> None:
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    for variable in sorted(os.environ):
        if variable.startswith(PREFIX) and variable not in known:
            close = get_close_matches(variable, known, n=1, cutoff=0.85)
            if close:
                raise SettingsError(
                    f"The environment variable {variable!r} is not a setting:"
                    f" did you mean {close[0]!r}?"
                )


def _explain(details: ErrorDetails, given: dict[str, Any]) -> str:
    key = str(details["loc"][0]) if details["loc"] else "model"
    field = key.lower()
    shown = f"The setting {field!r}" if field in given else _variable(field)
    value = str(details["input"])
    if len(value) > SHOWN_LENGTH:
        value = value[:SHOWN_LENGTH] + "..."
    saying = "" if _is_secret(field) else f" is {value!r}, which"
    return f"{shown}{saying} cannot be used: {ADVICE.get(field, details['msg'])}"


def _variable(field: str) -> str:
    alias = Settings.model_fields[field].validation_alias
    return str(alias) if alias else PREFIX + field.upper()


def _is_secret(field: str) -> bool:
    return "SecretStr" in str(Settings.model_fields[field].annotation)


ADVICE = {
    "keep_server": "say 'true' or 'false'.",
    "breaker_failures": "give a whole number of 1 or more.",
    "breaker_cooldown_s": "give seconds from 0 to 300.",
    "max_input_bytes": "give a number of bytes above 0, also with a unit, as in '500MB'.",
    "max_event_bytes": "give up to 400 MB, in bytes or with a unit, as in '16MB'.",
    "anthropic_base_url": "give a URL that starts with 'http://' or 'https://'.",
    "model": f"say {OFFLINE!r}, {ANTHROPIC!r}, or the name of one model, without blanks.",
    "model_personal": "give the name of one model, without blanks.",
    "model_orchestrator": "give the name of one model, without blanks.",
    "model_specialist": "give the name of one model, without blanks.",
    "model_large": "give the name of one model, without blanks.",
    "home": "give the path of a folder.",
    "output_root": "give the path of a folder.",
    "roster": "give the path of a YAML file.",
    "policy": "give the path of a YAML file.",
    "archive_folder": "give the path of a folder.",
    "actor": "use up to 200 letters, digits, dots, colons and dashes, as in 'a.turing'.",
    "subject_key_file": "give the path of a file.",
    "checkpoint_key": "give the path of a file.",
    "checkpoint_command": "give a program and its arguments, with quotation marks in pairs.",
    "embedder": "say 'static', 'minilm', or 'openai:' and the name of a model, without blanks.",
    "embedder_base_url": "give a URL that starts with 'http://' or 'https://'.",
    "embedder_dimensions": "give a number of dimensions from 1 to 4000.",
}
