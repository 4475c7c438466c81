"""Settings: where they come from, which win, and what is said about bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from platformdirs import user_data_path
from pydantic import ValidationError

from application.errors import BadRequestError
from infrastructure.settings import Settings, SettingsError, load_settings

KEY = "sk-ant-very-secret"
URL = "postgresql://me:pa55word@db.example/hansard"


@pytest.fixture
def dotenv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file `.env` in the working folder, which the fixtures of all tests switch off."""
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".env"


def refused(**overrides: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(**overrides)
    told = str(caught.value)
    assert "\n" not in told
    assert KEY not in told
    assert "pa55word" not in told
    return told


def test_without_any_choice_everything_works_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HANSARD_HOME")

    settings = load_settings()

    assert settings.home == user_data_path("hansard", appauthor=False)
    assert settings.database_url is None
    assert settings.is_offline
    assert settings.models == dict.fromkeys(("personal", "orchestrator", "specialist"), "offline")
    assert settings.output_root == Path.cwd() / "hansard-output"
    assert settings.max_input_bytes == 1_000_000_000
    assert settings.roster is None
    assert not settings.keep_server
    assert settings.embedder == "static"
    assert settings.embedder_base_url is None
    assert settings.embedder_api_key is None
    assert settings.embedder_dimensions is None


def test_a_key_brings_the_models_of_its_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)

    settings = load_settings()

    assert settings.model == "anthropic"
    assert settings.models == {
        "personal": "claude-haiku-5-5",
        "orchestrator": "claude-sonnet-5-5",
        "specialist": "claude-sonnet-5-5",
    }
    assert settings.model_large == "claude-opus-5-5"


def test_a_key_given_by_the_caller_counts_like_one_in_the_environment() -> None:
    assert load_settings(anthropic_api_key=KEY).model == "anthropic"


def test_offline_can_be_chosen_despite_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("HANSARD_MODEL", "offline")

    assert load_settings().is_offline


def test_one_model_can_serve_every_role() -> None:
    settings = load_settings(model="claude-opus-5-5", anthropic_api_key=KEY)

    assert set(settings.models.values()) == {"claude-opus-5-5"}


def test_a_role_can_have_a_model_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("HANSARD_MODEL_SPECIALIST", "claude-opus-5-5")

    assert load_settings().models["specialist"] == "claude-opus-5-5"


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HANSARD_HOME", str(tmp_path))
    monkeypatch.setenv("HANSARD_DATABASE_URL", URL)
    monkeypatch.setenv("HANSARD_KEEP_SERVER", "yes")
    monkeypatch.setenv("HANSARD_MAX_INPUT_BYTES", "2MiB")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://localhost:8080")

    settings = load_settings()

    assert settings.home == tmp_path
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == URL
    assert settings.keep_server
    assert settings.max_input_bytes == 2 * 1024 * 1024
    assert settings.anthropic_base_url == "http://localhost:8080"


def test_an_endpoint_for_embeddings_is_read_and_its_key_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HANSARD_EMBEDDER", "openai:nomic-embed-text")
    monkeypatch.setenv("HANSARD_EMBEDDER_BASE_URL", "http://localhost:11434/v1")
    monkeypatch.setenv("HANSARD_EMBEDDER_API_KEY", KEY)
    monkeypatch.setenv("HANSARD_EMBEDDER_DIMENSIONS", "256")

    settings = load_settings()

    assert settings.embedder == "openai:nomic-embed-text"
    assert settings.embedder_base_url == "http://localhost:11434/v1"
    assert settings.embedder_api_key is not None
    assert settings.embedder_api_key.get_secret_value() == KEY
    assert settings.embedder_dimensions == 256
    assert KEY not in repr(settings)


def test_a_dotenv_file_is_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, dotenv: Path
) -> None:
    dotenv.write_text(
        "HANSARD_MAX_INPUT_BYTES=5\nHANSARD_OUTPUT_ROOT=reports\nSOMEBODY_ELSES=1\n"
        f"ANTHROPIC_API_KEY={KEY}\n"
    )
    monkeypatch.setenv("HANSARD_MAX_INPUT_BYTES", "7")

    settings = load_settings()

    assert settings.max_input_bytes == 7
    assert settings.output_root == dotenv.parent / "reports"
    assert settings.model == "anthropic"


def test_the_caller_wins_and_none_leaves_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANSARD_MAX_INPUT_BYTES", "7")

    assert load_settings(max_input_bytes=9).max_input_bytes == 9
    assert load_settings(max_input_bytes=None).max_input_bytes == 7


def test_a_variable_set_to_nothing_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANSARD_DATABASE_URL", "")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "")

    settings = load_settings()

    assert settings.database_url is None
    assert settings.is_offline


def test_each_model_of_a_role_has_one_that_is_asked_instead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("HANSARD_MODEL_PERSONAL", "claude-small")
    monkeypatch.setenv("HANSARD_MODEL_ORCHESTRATOR", "claude-large")
    monkeypatch.setenv("HANSARD_MODEL_SPECIALIST", "claude-medium")
    monkeypatch.setenv("HANSARD_MODEL_LARGE", "claude-large")

    assert load_settings().other_models == {
        "claude-small": ("claude-medium",),
        "claude-medium": ("claude-large",),
    }
    assert load_settings(model="offline").other_models == {}


def test_paths_are_absolute_and_know_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANSARD_HOME", "~/kept")

    settings = load_settings(roster="mine.yaml")

    assert settings.home == Path("~/kept").expanduser()
    assert settings.roster == Path.cwd() / "mine.yaml"


def test_settings_never_change() -> None:
    settings = load_settings()

    with pytest.raises(ValidationError):
        setattr(settings, "keep_server", True)  # noqa: B010 - mypy forbids the statement


def test_secrets_do_not_show() -> None:
    settings = load_settings(database_url=URL, anthropic_api_key=KEY)

    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert KEY not in shown
        assert "pa55word" not in shown


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        pytest.param(
            "HANSARD_KEEP_SERVER",
            "perhaps",
            "HANSARD_KEEP_SERVER is 'perhaps', which cannot be used: say 'true' or 'false'.",
        ),
        pytest.param(
            "HANSARD_MAX_INPUT_BYTES",
            "0",
            "HANSARD_MAX_INPUT_BYTES is '0', which cannot be used: give a number of bytes above 0,"
            " also with a unit, as in '500MB'.",
        ),
        pytest.param(
            "HANSARD_MAX_INPUT_BYTES",
            "a lot",
            "HANSARD_MAX_INPUT_BYTES is 'a lot', which cannot be used: give a number of bytes above"
            " 0, also with a unit, as in '500MB'.",
        ),
        pytest.param(
            "HANSARD_BREAKER_FAILURES",
            "0",
            "HANSARD_BREAKER_FAILURES is '0', which cannot be used: give a whole number of 1 or"
            " more.",
        ),
        pytest.param(
            "HANSARD_EMBEDDER",
            "mini lm",
            "HANSARD_EMBEDDER is 'mini lm', which cannot be used: say 'static', 'minilm', or"
            " 'openai:' and the name of a model, without blanks.",
        ),
        pytest.param(
            "HANSARD_EMBEDDER_BASE_URL",
            "localhost:80",
            "HANSARD_EMBEDDER_BASE_URL is 'localhost:80', which cannot be used: give a URL that"
            " starts with 'http://' or 'https://'.",
        ),
        pytest.param(
            "HANSARD_ACTOR",
            "Anna Schmidt",
            "HANSARD_ACTOR is 'Anna Schmidt', which cannot be used: use up to 200 letters, digits,"
            " dots, colons and dashes, as in 'a.turing'.",
        ),
        pytest.param(
            "HANSARD_EMBEDDER_DIMENSIONS",
            "5000",
            "HANSARD_EMBEDDER_DIMENSIONS is '5000', which cannot be used: give a number of"
            " dimensions from 1 to 4000.",
        ),
        pytest.param(
            "ANTHROPIC_BASE_URL",
            "localhost:80",
            "ANTHROPIC_BASE_URL is 'localhost:80', which cannot be used: give a URL that starts"
            " with 'http://' or 'https://'.",
        ),
        pytest.param(
            "HANSARD_MODEL_PERSONAL",
            "two words",
            "HANSARD_MODEL_PERSONAL is 'two words', which cannot be used: give the name of one"
            " model, without blanks.",
        ),
        pytest.param(
            "HANSARD_MODEL",
            "claude-opus-5-5",
            "HANSARD_MODEL is 'claude-opus-5-5' but there is no key for it: set ANTHROPIC_API_KEY,"
            " or choose 'offline'.",
        ),
        pytest.param(
            "HANSARD_HOME",
            "~no-such-user/kept",
            "HANSARD_HOME is '~no-such-user/kept', which cannot be used: give the path of a"
            " folder.",
        ),
        pytest.param(
            "HANSARD_CHECKPOINT_COMMAND",
            "tee 'second place",
            'HANSARD_CHECKPOINT_COMMAND is "tee \'second place", which cannot be used: give a'
            " program and its arguments, with quotation marks in pairs.",
        ),
        pytest.param(
            "HANSARD_DATBASE_URL",
            URL,
            "The environment variable 'HANSARD_DATBASE_URL' is not a setting: did you mean"
            " 'HANSARD_DATABASE_URL'?",
        ),
    ],
)
def test_a_bad_variable_is_named_with_its_value_and_advice(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)

    assert refused() == told


def test_a_command_is_split_as_a_shell_would(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().checkpoint_command == ()
    monkeypatch.setenv("HANSARD_CHECKPOINT_COMMAND", "tee -a '/second place/notes.txt'")

    assert load_settings().checkpoint_command == ("tee", "-a", "/second place/notes.txt")
    assert load_settings(checkpoint_command=("a", "b c")).checkpoint_command == ("a", "b c")


def test_a_bad_value_of_the_caller_is_named_by_its_field() -> None:
    assert refused(max_input_bytes=-1) == (
        "The setting 'max_input_bytes' is '-1', which cannot be used: give a number of bytes above"
        " 0, also with a unit, as in '500MB'."
    )


def test_a_long_value_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANSARD_KEEP_SERVER", "x" * 5000)

    assert len(refused()) < 200


def test_a_secret_of_the_wrong_kind_is_not_repeated() -> None:
    told = refused(database_url=[URL])

    assert told.startswith("The setting 'database_url' cannot be used:")


def test_a_variable_that_resembles_nothing_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANSARD_PLUGIN_OF_SOMEBODY", "1")

    assert load_settings().is_offline


def test_a_dotenv_file_that_is_no_text_is_named(dotenv: Path) -> None:
    dotenv.write_bytes(b"HANSARD_HOME=\xff\xfe\n")

    assert refused().startswith("The file '.env' in the working folder cannot be read:")


def test_a_setting_that_does_not_exist_is_a_fault_of_the_program() -> None:
    with pytest.raises(TypeError, match="no such settings: colour"):
        load_settings(colour="red")


def test_bad_settings_are_bad_requests() -> None:
    assert issubclass(SettingsError, BadRequestError)
