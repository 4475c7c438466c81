"""Words of a text and the language it is written in, by its most common words."""

from __future__ import annotations

import re
import unicodedata

_STOPWORDS: dict[str, str] = {
    "en": "the a an of in on and for with to is are was were what which how why did does do we our"
    " my me by from this that please last about much many show per each next their its and did not",
    "de": "der die das den dem des ein eine einen und fur mit von im in zu ist sind war waren was"
    " welche welcher welches wie warum wieviel viel wir unser unsere bitte aus uber je pro letzte"
    " letzten auf zeige erstelle hoch",
    "fr": "le la les l un une des du de d et pour avec dans en est sont etait quel quelle quels"
    " quelles comment pourquoi combien nous notre nos par sur ce cette au aux a moi il vous plait",
    "es": "el la los las un una unos de del y para con en es son fue cual cuales que como por"
    " cuanto cuantos cuantas nuestro nuestra favor este esta al se muestra dame",
    "it": "il lo la gli le stato stata un una uno di del della dei delle e per con nel nella in"
    " sono era quale"
    " quali che come perche quanto quanti nostro nostra da questo questa al",
    "pt": "o a os as um uma de do da dos das e para com em no na sao foi qual quais que como por"
    " porque quanto quantos nosso nossa este esta ao favor",
}
_WORDS_BY_LANGUAGE = {tag: frozenset(words.split()) for tag, words in _STOPWORDS.items()}
_TELLING_WORDS = {
    "en": "report chart charts revenue cost costs quarter month year top total average forecast",
    "de": "bericht umsatz kosten quartal",
    "fr": "fais rapport chiffre trimestre graphique graphiques",
}
_TELLING = {tag: frozenset(words.split()) for tag, words in _TELLING_WORDS.items()}
_ACCENT_HINTS = {"de": "äöüß", "fr": "èêçœàù", "es": "ñ¿¡", "pt": "ãõ"}


_ASIDES_TEXT = (
    "please can could would should kindly tell give want need like much many any all per each every"
    " our your their its his her them they have has had been being not there than then also just"
    " get got made make using use used based versus between compared during through until into"
    " out over under within without nach bei zum zur vom noch auch nur alle jede jeder jedes mir"
    " uns gib mach hat haben hatte wurde wird kann nous vous leur leurs tout toute tous toutes fait"
    " chaque entre depuis cada todo todos toda todas entre desde hay hubo tra fra ogni tutti"
    " als stato stata happened happen go went come came and the did does done"
)
_ASIDES = frozenset(_ASIDES_TEXT.split())


def is_stopword(word: str) -> bool:
    """Tell whether a folded word carries no meaning of its own in one of the known languages."""
    return word in _ASIDES or any(word in words for words in _WORDS_BY_LANGUAGE.values())


def plain(text: str) -> str:
    """Fold case and accents: `Erlöse` becomes `erlose`, `Q4` becomes `q4`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def words_of(text: str) -> tuple[str, ...]:
    """Cut a text into folded words and numbers; `unitPrice` and `unit_price` give two each."""
    spaced = re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])", " ", text).replace("_", " ")
    return tuple(re.findall(r"[^\W_]+", plain(spaced)))


def detect_language(text: str) -> str:
    """Name the language of a text as a BCP 47 tag; English when nothing tells otherwise."""
    words = words_of(text)
    scores = {
        tag: float(sum(word in known or word in _TELLING.get(tag, ()) for word in words))
        for tag, known in _WORDS_BY_LANGUAGE.items()
    }
    for tag, letters in _ACCENT_HINTS.items():
        scores[tag] += 0.6 * any(letter in text.casefold() for letter in letters)
    best = max(scores, key=lambda tag: (scores[tag], tag == "en"))
    return best if scores[best] > 0 else "en"
