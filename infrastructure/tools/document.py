"""Document: turns a model's Markdown into a Markdown file and one self-contained HTML page.

The text is untrusted: HTML in it is shown as text, links lead to the web or to files beside the
page, images are embedded as data, and the page's policy forbids scripts and any network.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from application.errors import EffectError
from infrastructure.tools.calls import Call, Outcome
from infrastructure.tools.failures import bad_input
from infrastructure.tools.files import SessionFiles
from infrastructure.tools.schemas import WriteDocumentAnswer, WriteDocumentArguments

if TYPE_CHECKING:
    from jinja2 import Template
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_IMAGE_TYPES = {".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg"}
_LINK_SCHEMES = frozenset({"http", "https", "mailto"})
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
_ESCAPE_SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-_])")
_MOST_CHARACTERS = 2_000_000


def write_document(call: Call, arguments: WriteDocumentArguments) -> Outcome:
    """Write both files."""
    if len(arguments.markdown) > _MOST_CHARACTERS:
        raise bad_input(f"markdown has over {_MOST_CHARACTERS:,} characters; shorten the document.")
    title = " ".join(clean(arguments.title).split()) or arguments.file_stem
    markdown = clean(arguments.markdown).strip() + "\n"
    page = render_page(title, markdown, arguments.language, call.files)
    if not _starts_with_title(markdown):
        markdown = f"# {title}\n\n{markdown}"
    stem = arguments.file_stem
    artefacts = (
        call.output.write(f"{stem}.md", markdown.encode(), title),
        call.output.write(f"{stem}.html", page.encode(), title),
    )
    return Outcome(WriteDocumentAnswer(files=tuple(a.path for a in artefacts)), artefacts)


def clean(text: str) -> str:
    """Take out what could act on a terminal or turn the reading direction."""
    text = _ESCAPE_SEQUENCE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return _CONTROL.sub("", text).encode("utf-8", "replace").decode()


def render_page(title: str, markdown: str, language: str, files: SessionFiles) -> str:
    """Render Markdown as one HTML page.

    Raises:
        EffectError: an image names a file that is not in the output folder.
    """
    parser = _parser()
    tokens = parser.parse(markdown)
    _secure(tokens, files)
    from markupsafe import Markup  # noqa: PLC0415  # comes with jinja2, which is heavy

    body = Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704  # every part of it was escaped
    return _template().render(
        title=title,
        language=language if _LANGUAGE.fullmatch(language) else "en",
        body=body,
        headline=not _starts_with_title(markdown),
    )


def _starts_with_title(markdown: str) -> bool:
    return markdown.lstrip().startswith("# ")


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415  # heavy

    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(
        ["table", "strikethrough"]
    )
    # Links and images are judged on the parsed tokens, where nothing is encoded any more.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005  # the documented hook
    rules = parser.renderer.rules  # type: ignore[attr-defined]  # of the HTML renderer
    rules["table_open"] = lambda *_: '<div class="table"><table>\n'
    rules["table_close"] = lambda *_: "</table></div>\n"
    return parser


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader  # noqa: PLC0415  # heavy

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, keep_trailing_newline=True
    )
    return environment.get_template("document.html.j2")


def _secure(tokens: Sequence[Token], files: SessionFiles) -> None:
    """Judge every link, image and attribute of the parsed document."""
    for token in tokens:
        if token.type in {"th_open", "td_open"}:
            _class_for_style(token)
        if token.children:
            _secure(token.children, files)
            token.children = _without_dead_links(token.children)
        if token.type == "image":
            _embed(token, files)


def _class_for_style(token: Token) -> None:
    style = str(token.attrs.pop("style", ""))
    side = style.rpartition(":")[2]
    if side in {"left", "right", "center"}:
        token.attrs["class"] = side


def _without_dead_links(children: Sequence[Token]) -> list[Token]:
    """Keep the text of links that lead where they must not, without the link."""
    kept: list[Token] = []
    dead: list[bool] = []
    for child in children:
        if child.type == "link_open":
            dead.append(not _is_allowed(str(child.attrs.get("href", ""))))
            child.attrs["rel"] = "noopener noreferrer nofollow"
            if dead[-1]:
                continue
        elif child.type == "link_close" and dead.pop():
            continue
        kept.append(child)
    return kept


def _is_allowed(href: str) -> bool:
    text = unquote(href).strip()
    if any(not sign.isprintable() for sign in text) or "\\" in text:
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    if parts.scheme:
        return parts.scheme.lower() in _LINK_SCHEMES
    return not (parts.netloc or text.startswith("/") or ".." in PurePosixPath(parts.path).parts)


def _embed(token: Token, files: SessionFiles) -> None:
    source = unquote(str(token.attrs.get("src", ""))).removeprefix("./")
    media_type = _IMAGE_TYPES.get(PurePosixPath(source).suffix.lower())
    if media_type is None or urlsplit(source).scheme:
        raise bad_input(
            f"The image {source[:80]!r} cannot be embedded; name an SVG, PNG or JPEG file of the"
            " output folder."
        )
    try:
        found = files.find(source)
        if found.origin != "output":
            raise bad_input(f"The image {source!r} is an input file; only output files are shown.")
        handle, _ = files.open(found)
    except EffectError as error:
        raise EffectError(
            error.failure.model_copy(
                update={"message": f"An image cannot be shown: {error.failure.message}"}
            )
        ) from error
    with handle:
        data = base64.b64encode(handle.read()).decode("ascii")
    token.attrs["src"] = f"data:{media_type};base64,{data}"
