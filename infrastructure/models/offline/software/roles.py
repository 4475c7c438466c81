"""Roles: what product manager, architect, developer and QA engineer do, each as a procedure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import JsonValue, ValidationError

from application.briefs import HAND_OFF, AgentBrief, ExecuteBrief, HandoffWish, Submission
from domain.effect import Failure, ToolAnswer
from infrastructure.models.offline.software import documents
from infrastructure.models.offline.software.product import Function, Product
from infrastructure.models.offline.software.quality import Quality, quality_report, read_through
from infrastructure.models.offline.software.requirement import interface, read_requirement
from infrastructure.models.offline.software.writing_code import MODULE, implementation, unit_tests
from infrastructure.models.offline.work import (
    Call,
    Outcome,
    Procedure,
    StoppedError,
    Work,
    answered,
    try_all,
    use,
)
from infrastructure.tools.schemas import (
    ReadFileAnswer,
    ReadFileArguments,
    RunTestsAnswer,
    RunTestsArguments,
    WriteFileArguments,
)

CODE, TESTS = f"{MODULE}.py", f"test_{MODULE}.py"
_PIECE = 20_000


def _product(brief: ExecuteBrief) -> Product:
    """Take the product from who read the requirement, or read it.

    Raises:
        StoppedError: no rule knows how to build it, or somebody handed in what they cannot read.
    """
    found = [item.result.data for item in brief.dependencies if item.result is not None]
    told = next((data["product"] for data in found if "product" in data), None)
    if told is None:
        return _handed_product(brief) or read_requirement(_requirement(brief))
    try:
        product = Product.model_validate(told)
    except ValidationError as error:
        message = "The product that was handed in is none that the offline rules can read."
        raise StoppedError(message) from error
    # Examples follow from the requirement, and would only make the record longer.
    examples = read_requirement(product.requirement).examples
    return product.model_copy(update={"examples": examples})


def _handed_product(brief: ExecuteBrief) -> Product | None:
    """Take the product from a handoff; None when whoever handed it on read it in another way."""
    if brief.handoff is None:
        return None
    try:
        return Product.model_validate_json(brief.handoff.context)
    except ValidationError:
        return None


def _requirement(brief: ExecuteBrief) -> str:
    said = brief.terms.arguments.get("requirement") if brief.terms is not None else None
    return said if isinstance(said, str) and said.strip() else brief.request


def _write(name: str, content: str, title: str) -> Call:
    return Call("write_file", WriteFileArguments(name=name, content=content, title=title))


def _document(
    name: str, title: str, write: Callable[[Product, Sequence[Function]], str]
) -> Procedure:
    """Make the procedure that writes one document."""

    def procedure(brief: ExecuteBrief) -> Work[Submission]:
        product = _product(brief)
        content = write(product, interface(product))
        yield from use(_write(name, content, f"{title}: {product.title}"))
        return Submission(
            done=True, summary=f"{title} for {product.title} in `{name}`.", data={"file": name}
        )

    return procedure


def write_user_stories(brief: ExecuteBrief) -> Work[Submission]:
    """Read the requirement, and write what users want."""
    product = _product(brief)
    name = "user_stories.md"
    content = documents.user_stories(product)
    yield from use(_write(name, content, f"User stories: {product.title}"))
    open_words = f" Not taken up: {', '.join(product.left_out)}." if product.left_out else ""
    told = product.model_copy(update={"examples": ()}).model_dump(
        mode="json", exclude_defaults=True
    )
    data: dict[str, JsonValue] = {"file": name, "product": told}
    return Submission(
        done=True,
        summary=f"{len(product.features)} user stories for {product.title} in `{name}`."
        + open_words,
        data=data,
    )


def write_code(brief: ExecuteBrief) -> Work[Submission]:
    """Write the module."""
    product = _product(brief)
    yield from use(_write(CODE, implementation(product), f"Implementation: {product.title}"))
    return Submission(
        done=True,
        summary=f"`{CODE}` {product.purpose}; it was not run yet.",
        data={"file": CODE, "module": MODULE},
    )


def write_tests(brief: ExecuteBrief) -> Work[Submission]:
    """Write the tests."""
    product = _product(brief)
    yield from use(_write(TESTS, unit_tests(product), f"Tests: {product.title}"))
    return Submission(
        done=True,
        summary=f"{len(product.examples)} tests, one for each acceptance criterion, in `{TESTS}`.",
        data={"file": TESTS, "tests": len(product.examples)},
    )


def check_quality(brief: ExecuteBrief) -> Work[Submission]:
    """Run the tests, read the code, and report; failing tests go back to who can mend them."""
    product = _product(brief)
    if "software_testing" not in brief.agent.skills and brief.handoff is not None:
        yield from _mend(brief, product)
    *texts, outcome = yield from try_all(
        *(Call("read_file", ReadFileArguments(name=name, limit=_PIECE)) for name in (CODE, TESTS)),
        Call("run_tests", RunTestsArguments(files=(CODE, TESTS))),
    )
    code = yield from _whole(CODE, texts[0])
    tested = yield from _whole(TESTS, texts[1])
    checks = read_through(product, interface(product), code, tested)
    if isinstance(outcome, Failure):
        quality = Quality(checks, None, outcome.message)
    else:
        quality = Quality(checks, RunTestsAnswer.model_validate(outcome.content))
    if quality.run is not None and not quality.tests_passed:
        yield from _send_back(brief, product, quality)
    name = "quality_report.md"
    report = quality_report(product, quality)
    yield from use(_write(name, report, f"Quality report: {product.title}"))
    return _verdict(product, quality, name)


def _verdict(product: Product, quality: Quality, name: str) -> Submission:
    run = quality.run
    data: dict[str, JsonValue] = {
        "file": name,
        "passed": quality.passed,
        "ran": run.ran if run else 0,
        "tests_passed": run.passed if run else 0,
    }
    if run is None:
        summary = f"The tests of {product.title} were not run: {quality.not_run} See `{name}`."
        return Submission(done=True, summary=summary, data=data)
    summary = f"{run.passed} of {run.ran} tests of {product.title} passed; see `{name}`."
    return Submission(done=quality.tests_passed, summary=summary, data=data)


def _send_back(brief: ExecuteBrief, product: Product, quality: Quality) -> Work[None]:
    """Hand the task to who wrote the code, when that is possible."""
    target = _who(brief.handoffs, "implementation")
    came_back = brief.handoff is not None and brief.handoff.from_agent == getattr(
        target, "handle", None
    )
    if target is None or came_back or quality.run is None:
        return
    failed = "; ".join(failure.test for failure in quality.run.failures[:5])
    wish = HandoffWish(
        target=target.handle,
        request=f"Mend the implementation in {CODE}: these tests fail: {failed}",
        context=product.model_dump_json(),
    )
    yield from try_all(Call(HAND_OFF, wish))


def _mend(brief: ExecuteBrief, product: Product) -> Work[None]:
    """Write the module anew by the rules, and give the task back to who tests.

    Raises:
        StoppedError: nobody takes it back.
    """
    yield from use(_write(CODE, implementation(product), f"Implementation: {product.title}"))
    target = _who(brief.handoffs, "software_testing")
    if target is None:
        raise StoppedError(f"Nobody whom {brief.agent.handle} may hand to can run the tests.")
    wish = HandoffWish(
        target=target.handle,
        request=f"Run the tests again: {CODE} was written anew.",
        context=product.model_dump_json(),
    )
    (outcome,) = yield from try_all(Call(HAND_OFF, wish))
    raise StoppedError(_not_taken(target, outcome))


def _whole(name: str, first: Outcome) -> Work[str]:
    """Read what is left of a file after its first piece."""
    found = ReadFileAnswer.model_validate(answered(first).content)
    text = found.text
    while found.next_offset is not None:
        arguments = ReadFileArguments(name=name, offset=found.next_offset, limit=_PIECE)
        (answer,) = yield from use(Call("read_file", arguments))
        found = ReadFileAnswer.model_validate(answer.content)
        text += found.text
    return text


def _who(agents: Sequence[AgentBrief], skill: str) -> AgentBrief | None:
    return next((agent for agent in agents if skill in agent.skills), None)


def deliver(brief: ExecuteBrief) -> Work[Submission]:
    """Do the part of one's role, and hand the task on to the next one.

    Raises:
        StoppedError: the agent has none of the roles, or who comes next does not take it.
    """
    product = _product(brief)
    functions = interface(product)
    title = product.title
    turns: dict[str, tuple[tuple[Call, ...], str, str]] = {
        "user_stories": (
            (
                _write("user_stories.md", documents.user_stories(product), f"Stories: {title}"),
                _write(
                    "competitive_analysis.md",
                    documents.competitive_analysis(product),
                    f"Competitive analysis: {title}",
                ),
                _write(
                    "acceptance_criteria.md",
                    documents.acceptance_criteria(product),
                    f"Acceptance criteria: {title}",
                ),
            ),
            "software_architecture",
            "Design the architecture, data model and API for the user stories.",
        ),
        "software_architecture": (
            (
                _write(
                    "architecture.md",
                    documents.architecture(product, functions),
                    f"Design: {title}",
                ),
                _write(
                    "data_model.md",
                    documents.data_model(product, functions),
                    f"Data model: {title}",
                ),
                _write("api.md", documents.api(product, functions), f"API: {title}"),
            ),
            "implementation",
            "Write the implementation and its documentation for the API.",
        ),
        "implementation": (
            (
                _write(CODE, implementation(product), f"Implementation: {title}"),
                _write(
                    "documentation.md",
                    documents.documentation(product, functions),
                    f"Documentation: {title}",
                ),
            ),
            "software_testing",
            "Write the tests of the acceptance criteria, run them and report on quality.",
        ),
    }
    role = next((skill for skill in turns if skill in brief.agent.skills), None)
    if role is not None:
        calls, following, request = turns[role]
        yield from use(*calls)
        target = _who(brief.handoffs, following)
        if target is None:
            raise StoppedError(f"Nobody whom {brief.agent.handle} may hand to can do: {request}")
        wish = HandoffWish(target=target.handle, request=request, context=product.model_dump_json())
        (outcome,) = yield from try_all(Call(HAND_OFF, wish))
        raise StoppedError(_not_taken(target, outcome))
    if "software_testing" not in brief.agent.skills:
        raise StoppedError(f"{brief.agent.handle} has no role in a product team.")
    yield from use(_write(TESTS, unit_tests(product), f"Tests: {title}"))
    return (yield from check_quality(brief))


def _not_taken(target: AgentBrief, outcome: ToolAnswer | Failure) -> str:
    why = outcome.message if isinstance(outcome, Failure) else str(answered(outcome).content)
    return f"{target.handle} did not take the task over: {why}"


ROLES = frozenset({"user_stories", "software_architecture", "implementation", "software_testing"})
"""Skills of which every member of a product team has one."""

ROLE_WORK: dict[str, Procedure] = {
    "user_stories": write_user_stories,
    "competitive_analysis": _document(
        "competitive_analysis.md",
        "Competitive analysis",
        lambda product, _: documents.competitive_analysis(product),
    ),
    "acceptance_criteria": _document(
        "acceptance_criteria.md",
        "Acceptance criteria",
        lambda product, _: documents.acceptance_criteria(product),
    ),
    "architecture": _document("architecture.md", "Architecture", documents.architecture),
    "data_model": _document("data_model.md", "Data model", documents.data_model),
    "api": _document("api.md", "API", documents.api),
    "implementation": write_code,
    "documentation": _document("documentation.md", "Documentation", documents.documentation),
    "tests": write_tests,
    "quality_report": check_quality,
    "delivery": deliver,
}
"""By key of the task, or by a skill that it names."""
