"""Validating: tools that check texts against rules that a requirement states."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pydantic import JsonValue

from infrastructure.models.offline.software.product import (
    Example,
    Feature,
    Function,
    Invocation,
    Parameter,
    Product,
)
from infrastructure.models.offline.software.words import identifier, said, unused

_ASKED = re.compile(r"\bvalidat|\bverif(?:y|ies)|\bcheck(?:s|ing|er)?\b|\bwhether\b", re.IGNORECASE)

SUBJECTS: dict[str, tuple[str, str, tuple[str, ...], tuple[str, ...]]] = {
    "email": (
        r"\be-?mail address(?:es)?\b|\be-?mails?\b",
        "e-mail address",
        ("ada@example.org", "a.b+c@sub.example.com"),
        ("ada", "ada@", "@example.org", "ada@example", "a b@example.org"),
    ),
    "iban": (
        r"\bibans?\b",
        "IBAN",
        ("GB82 WEST 1234 5698 7654 32", "DE89370400440532013000"),
        ("GB82 WEST 1234 5698 7654 33", "DE00", "123"),
    ),
    "isbn": (
        r"\bisbns?\b",
        "ISBN",
        ("0-306-40615-2", "978-0-306-40615-7"),
        ("0-306-40615-3", "978-0-306-40615-8", "12345"),
    ),
    "card": (
        r"\b(?:credit )?card numbers?\b|\bluhn\b|\bcredit cards?\b",
        "card number",
        ("4539 1488 0343 6467", "79927398713"),
        ("4539 1488 0343 6468", "79927398710", "card"),
    ),
    "ipv4": (
        r"\bip(?:v4)? address(?:es)?\b|\bipv4\b",
        "IPv4 address",
        ("192.168.0.1", "8.8.8.8"),
        ("256.1.1.1", "1.2.3", "a.b.c.d", "1.2.3.4.5"),
    ),
    "date": (
        r"\biso (?:8601 )?dates?\b|\bdates?\b",
        "date (YYYY-MM-DD)",
        ("2024-02-29", "2025-12-31"),
        ("2025-02-29", "31.12.2025", "2025-13-01"),
    ),
    "colour": (
        r"\bhex(?:adecimal)? colou?rs?\b|\bcolou?r codes?\b",
        "hex colour",
        ("#ff8800", "#FA0"),
        ("ff8800", "#ff88", "#gg0000"),
    ),
}
"""Pattern, name, valid and invalid texts of what has rules of its own."""

_NUMBER = r"(\d{1,3})"
_SIGNS = r"(?:letters|digits|numbers|underscores|hyphens|dashes)"
RULES: tuple[tuple[str, str], ...] = (
    (
        "only_word",
        rf"\bonly (?:contains? |of )?(?:letters|alphanumeric)(?:,? (?:and |or )?{_SIGNS})*",
    ),
    (
        "minimum",
        (
            rf"\b(?:at least|minimum(?: of)?|no (?:less|shorter|fewer) than) {_NUMBER}"
            r" (?:characters|signs|letters long)"
        ),
    ),
    (
        "maximum",
        rf"\b(?:at most|maximum(?: of)?|no (?:more|longer) than|up to) {_NUMBER} characters",
    ),
    (
        "between",
        (
            rf"\bbetween {_NUMBER} and {_NUMBER} characters"
            rf"|\b{_NUMBER}(?: to |-){_NUMBER} characters"
        ),
    ),
    ("digit", r"\b(?:a|one|at least one|contains? a)?\s*(?:digit|number)s?\b(?! of)"),
    ("upper", r"\bupper.?case\b|\bcapital letters?\b"),
    ("lower", r"\blower.?case\b"),
    ("special", r"\bspecial (?:character|sign)s?\b|\bsymbols?\b|\bpunctuation\b"),
    (
        "no_spaces",
        r"\b(?:no|without|not contain(?:ing)?) (?:any )?(?:spaces?|blanks?|white.?space)\b",
    ),
    ("letter_first", r"\b(?:starts?|begins?|starting|beginning) with a letter\b"),
)
TITLES = {
    "minimum": "has at least {n} characters",
    "maximum": "has at most {m} characters",
    "digit": "has a digit",
    "upper": "has an upper-case letter",
    "lower": "has a lower-case letter",
    "special": "has a special character",
    "no_spaces": "has no spaces",
    "letter_first": "starts with a letter",
    "only_word": "has only letters, digits, underscores and hyphens",
}


def read(text: str) -> Product | None:
    """Read a requirement for a validator; None when it states no rule that is known."""
    if _ASKED.search(text) is None:
        return None
    subject = next((key for key, (p, *_) in SUBJECTS.items() if said(text, p)), "")
    rules, sources = ({}, {}) if subject else _rules(text)
    if not subject and not rules:
        return None
    name = SUBJECTS[subject][1] if subject else _name(text)
    titles = {
        key: TITLES[key].format(n=rules.get("minimum"), m=rules.get("maximum")) for key in rules
    }
    if subject:
        titles = {subject: f"is a valid {name}"}
        sources = {subject: said(text, SUBJECTS[subject][0])}
    features = [
        Feature(
            key=key,
            title=f"Check that the {name} {title}",
            want=f"know whether a {name} {title}",
            benefit="a wrong one is found before it does harm",
            source=sources.get(key, ""),
        )
        for key, title in titles.items()
    ]
    used = " ".join([name, *titles.values(), *sources.values()])
    return Product(
        kind="validating",
        requirement=text,
        module=f"{identifier(name.split('(')[0])}_validator",
        title=f"{name[:1].upper()}{name[1:]} validator",
        purpose=f"checks whether a {name} is valid",
        user="a person who takes in data from others",
        features=tuple(features),
        examples=tuple(_examples(name, subject, rules, titles)),
        settings={"subject": subject, "name": name, "rules": rules, "titles": dict(titles)},
        assumptions=(
            ("The form and the check digits are looked at, not whether it is in use.",)
            if subject
            else ("Letters are those of Unicode.",)
        ),
        left_out=unused(
            text,
            f"{used} validate validator check valid invalid rule contain character characters have"
            " least most minimum maximum between one password strength whether reject accept say"
            " reason why wrong list verify letters digits special upper lower case",
        ),
    )


def _name(text: str) -> str:
    found = re.search(
        r"\b(?:validat\w*|check\w*|verif\w*)\s+(?:whether |if |that )?(?:an? |the |all )?(?:new )?"
        r"(?P<noun>[a-z-]+(?: (?:name|code|number|id|key))?)",
        text.casefold(),
    )
    noun = found["noun"] if found else "text"
    noun = noun.removesuffix("s") if not noun.endswith("ss") else noun
    return noun if noun not in {"text", "string", "input", "value"} else "text"


def _rules(text: str) -> tuple[dict[str, JsonValue], dict[str, str]]:
    folded = text.casefold()
    rules: dict[str, JsonValue] = {}
    sources: dict[str, str] = {}
    for key, pattern in RULES:
        found = re.search(pattern, folded)
        if found is None:
            continue
        if key == "only_word":  # its letters and digits are allowed, not demanded
            folded = folded.replace(found[0], " ")
        numbers = [int(group) for group in found.groups() if group]
        if key == "between":
            rules["minimum"], rules["maximum"] = min(numbers), max(numbers)
            sources["minimum"] = sources["maximum"] = found[0]
        elif numbers:
            rules[key] = numbers[0]
            sources[key] = found[0]
        elif key not in {"minimum", "maximum"}:
            rules[key] = True
            sources[key] = found[0]
    if rules.get("only_word"):
        rules.pop("special", None)
        rules.pop("no_spaces", None)
    return rules, sources


def _examples(
    name: str, subject: str, rules: dict[str, JsonValue], titles: dict[str, str]
) -> Iterator[Example]:
    def example(feature: str, text: str, *, valid: bool, then: str) -> Example:
        return Example(
            feature=feature,
            given=f"the text {text!r}",
            when="it is checked",
            then=then,
            invocations=(Invocation(function="is_valid", arguments={"text": text}),),
            expected=valid,
        )

    if subject:
        _, _, good, bad = SUBJECTS[subject]
        for text in good:
            yield example(subject, text, valid=True, then="it is valid")
        for text in (*bad, ""):
            yield example(subject, text, valid=False, then="it is not valid")
        key, right, wrong = subject, good[0], bad[0]
    else:
        right = valid_text(rules)
        key = next(iter(rules))
        yield example(key, right, valid=True, then=f"it is a valid {name}")
        for rule in rules:
            broken = BREAK[rule](right, rules)
            yield Example(
                feature=rule,
                given=f"the text {broken!r}",
                when="it is checked",
                then=f"it is told which rules it breaks, among them: {titles[rule]}",
                invocations=(Invocation(function="broken_rules", arguments={"text": broken}),),
                expected=[titles[each] for each in rules if not KEEPS[each](broken, rules)],
            )
        wrong = BREAK[key](right, rules)
    yield Example(
        feature=key,
        given="a valid one on the command line",
        when="the command is run",
        then="it says so and ends with exit code 0",
        command=(right,),
        prints=f"{right}: valid\n",
    )
    yield Example(
        feature=key,
        given="an invalid one on the command line",
        when="the command is run",
        then="it ends with exit code 1",
        command=(wrong,),
        exit_code=1,
    )


def valid_text(rules: dict[str, JsonValue]) -> str:
    """Make a text that keeps all rules."""
    text = "Ab3" + ("" if rules.get("only_word") else "!")
    least = rules.get("minimum", 0)
    most = rules.get("maximum", 1_000)
    least, most = (value if isinstance(value, int) else 0 for value in (least, most))
    return (text + "xyz" * max(least, 8))[: max(least, min(8, most), 4)]


def _cut(text: str, rules: dict[str, JsonValue]) -> str:
    least = rules["minimum"]
    return text[: least - 1] if isinstance(least, int) else text


def _lengthen(text: str, rules: dict[str, JsonValue]) -> str:
    most = rules["maximum"]
    return text + "x" * (most + 1 - len(text)) if isinstance(most, int) else text


def _bound(rules: dict[str, JsonValue], key: str) -> int:
    value = rules[key]
    return value if isinstance(value, int) else 0


KEEPS: dict[str, Callable[[str, dict[str, JsonValue]], bool]] = {
    "minimum": lambda text, rules: len(text) >= _bound(rules, "minimum"),
    "maximum": lambda text, rules: len(text) <= _bound(rules, "maximum"),
    "digit": lambda text, _: any(map(str.isdigit, text)),
    "upper": lambda text, _: any(map(str.isupper, text)),
    "lower": lambda text, _: any(map(str.islower, text)),
    "special": lambda text, _: any(not s.isalnum() and not s.isspace() for s in text),
    "no_spaces": lambda text, _: not any(map(str.isspace, text)),
    "letter_first": lambda text, _: text[:1].isalpha(),
    "only_word": lambda text, _: re.fullmatch(r"[\w-]*", text) is not None,
}
"""Whether a text keeps a rule: what the examples expect."""

BREAK: dict[str, Callable[[str, dict[str, JsonValue]], str]] = {
    "minimum": _cut,
    "maximum": _lengthen,
    "digit": lambda text, _: re.sub(r"\d", "x", text),
    "upper": lambda text, _: text.lower(),
    "lower": lambda text, _: text.upper(),
    "special": lambda text, _: re.sub(r"[^A-Za-z0-9]", "x", text),
    "no_spaces": lambda text, _: f"{text[:-1]} ",
    "letter_first": lambda text, _: f"9{text[1:]}" if "A" in text[1:] else f"9A{text[2:]}",
    "only_word": lambda text, _: f"{text[:-1]}?",
}
"""How a valid text is made to break one rule, and no other."""


def functions(product: Product) -> tuple[Function, ...]:
    """List the public interface."""
    name, key = str(product.settings["name"]), product.features[0].key
    text = (Parameter(name="text", type="str"),)
    return (
        Function(
            name="broken_rules",
            parameters=text,
            returns="list[str]",
            summary=f"List the rules that a {name} breaks.",
            feature=key,
        ),
        Function(
            name="is_valid",
            parameters=text,
            returns="bool",
            summary=f"Tell whether a {name} is valid.",
            feature=key,
        ),
    )
