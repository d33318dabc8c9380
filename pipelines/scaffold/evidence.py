"""Which variable may be which concept: candidates with a score, and the evidence in words.

Here belongs weighing names, labels and values of variables against ``schemas/guesses.toml``. A score is no
probability: it orders candidates, and a person decides. Evidence names counts and official labels, never a value
that may be one person's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.scaffold.material import SMALL, Material, Variable
from pipelines.scaffold.words import (
    ConceptWords,
    country_words,
    guess_area,
    guess_target,
    is_not_applicable,
    is_not_stated,
    load_guesses,
    meets,
    name_tokens,
    tokens,
)
from schemas.codes import load_shared_codes
from schemas.concepts import UNKNOWN, load_concepts
from schemas.survey_tables import NULL

#: Least score of a candidate.
THRESHOLD = 2.0
#: Candidates that are told of besides the first.
OTHERS = 3

#: Concepts that may share a variable with another one.
_SHARED = frozenset({"household_id", "person_id", "stratum", "psu", "region"})

_NEVER = -99.0
_FIRST_YEAR, _LAST_YEAR = 1880, 2100


@dataclass(frozen=True)
class Candidate:
    """One variable that may be a concept.

    Attributes:
        variable: the variable.
        score: how much speaks for it.
        reasons: what speaks for it, in words.
    """

    variable: Variable
    score: float
    reasons: tuple[str, ...]


def code_list_of(concept: str) -> str:
    """Return the list that a concept's targets are guessed in, '' for true/false concepts."""
    lists = load_concepts()[concept].code_lists
    return lists[0] if lists else ""


def find_candidates(material: Material, area: str) -> dict[str, list[Candidate]]:
    """Return concept -> candidates, best first, for every concept of the dictionary that the scaffold knows.

    A variable is the first candidate of one concept only, unless both are of the sample design.
    """
    guesses = load_guesses()
    dictionary = load_concepts()
    found: dict[str, list[Candidate]] = {}
    for concept, words in guesses.concepts.items():
        if concept not in dictionary:
            continue
        scored = [_candidate(variable, concept, words, material, area) for variable in material.variables]
        kept = [item for item in scored if item is not None and item.score >= THRESHOLD]
        found[concept] = sorted(kept, key=lambda item: -item.score)
    return _one_each(found)


def _one_each(found: Mapping[str, list[Candidate]]) -> dict[str, list[Candidate]]:
    """Give each variable to the concept that it fits best, and move it down the list of the others."""
    order = sorted(
        ((item.score, concept, item.variable.name) for concept, items in found.items() for item in items),
        key=lambda row: -row[0],
    )
    taken: dict[str, str] = {}
    first: dict[str, str] = {}
    for _, concept, name in order:
        if concept in first or (name in taken and not {concept, taken[name]} & _SHARED):
            continue
        first[concept] = name
        taken.setdefault(name, concept)
    result = {}
    for concept, items in found.items():
        mine = first.get(concept)
        head = [item for item in items if item.variable.name == mine]
        # Without a variable of its own the concept has none: the better owner is told of nowhere else.
        result[concept] = head + [item for item in items if item.variable.name != mine] if head else []
    return result


def _candidate(
    variable: Variable, concept: str, words: ConceptWords, material: Material, area: str
) -> Candidate | None:
    if not variable.profile.filled and not variable.labels:
        return None
    name, name_reason = _name_score(variable.name, words)
    label, label_reason = _label_score(variable.label, concept, country_words(area))
    # Sex is known by its codes alone.
    if not name and not label and concept != "sex":
        return None
    value, value_reason = _value_score(variable, concept, words, material, area)
    if value <= _NEVER or (not name and not label and not variable.labels and variable.profile.numeric):
        return None
    against = 0.0
    guesses = load_guesses()
    described = (*tokens(variable.label), *name_tokens(variable.name)[:-1])
    if meets(guesses.without[concept], described):
        against += 2.5
    if meets(guesses.other, described):
        against += 2.5
    reasons = tuple(reason for reason in (name_reason, label_reason, value_reason) if reason)
    return Candidate(variable, name + label + value - against, reasons)


def _name_score(name: str, words: ConceptWords) -> tuple[float, str]:
    pieces = name_tokens(name)
    whole = pieces[-1]
    best = 0.0
    for word in words.names:
        stem = word.rstrip("*")
        if stem == whole:
            best = max(best, 2.75)
        elif word.endswith("*") and whole.startswith(stem):
            best = max(best, 2.0)
        elif stem in pieces or (word.endswith("*") and any(piece.startswith(stem) for piece in pieces)):
            best = max(best, 1.5)
        elif len(stem) >= 4 and stem in whole:
            best = max(best, 1.0)
    return best, f"name {name}" if best else ""


def _label_score(label: str, concept: str, own: Sequence[str]) -> tuple[float, str]:
    guesses = load_guesses()
    found = tokens(label)
    content = [token for token in found if token not in guesses.stop and not token.isdigit()]
    best = 0.0
    for phrase in guesses.phrases[concept]:
        if "{country}" in phrase.words:
            if not set(own) & set(found):
                continue
            phrase = type(phrase)(tuple(word for word in phrase.words if word != "{country}"), phrase.absent)
            extra = 1.0
        else:
            extra = 0.0
        met = phrase.matched(found)
        if met is not None:
            coverage = len(met & set(content)) / max(len(content), 1)
            best = max(best, 1.25 + 0.6 * min(len(phrase.words), 4) + 1.25 * coverage + extra)
    return best, f"label '{_short(label)}'" if best else ""


def _short(text: str, length: int = 60) -> str:
    return text if len(text) <= length else f"{text[: length - 3].rstrip()}..."


# --- values --------------------------------------------------------------------------------------


def _value_score(
    variable: Variable, concept: str, words: ConceptWords, material: Material, area: str
) -> tuple[float, str]:
    """Return how well the values fit a concept, and that in words; _NEVER where they cannot be it."""
    if words.test in ("targets", "yesno"):
        return _targets(variable, concept)
    if words.test == "country":
        return _countries(variable, concept, area)
    if words.test in ("isic", "isco"):
        return _classes(variable, concept)
    return _numbers(variable, concept, words.test, material) if variable.profile.filled else (_NEVER, "")


def _substantive(variable: Variable) -> dict[str, str]:
    """Labels of codes that are answers; of texts without labels the texts themselves."""
    labels = variable.labels or {value: value for value in variable.profile.values if not _is_number(value)}
    return {code: text for code, text in labels.items() if not is_not_stated(text) and not is_not_applicable(text)}


def _is_number(text: str) -> bool:
    return text.lstrip("+-").replace(".", "", 1).isdecimal()


def _targets(variable: Variable, concept: str) -> tuple[float, str]:
    """A variable whose codes have labels that speak of the concept's targets."""
    profile = variable.profile
    labels = _substantive(variable)
    if not labels:
        if profile.distinct > 60 or profile.numeric < 1 and profile.distinct > 20:
            return _NEVER, ""
        if concept == "sex" and profile.distinct not in (1, 2, 3):
            return _NEVER, ""
        return 0.0, f"{profile.distinct} codes without labels"
    if len(labels) > 80 and not variable.labels:
        return _NEVER, ""
    code_list = code_list_of(concept)
    targets = {code: guess_target(load_concepts()[concept], code_list, text) for code, text in labels.items()}
    hits = {target for target in targets.values() if target not in ("", NULL, UNKNOWN)}
    share = sum(bool(target) for target in targets.values()) / len(targets)
    told = ", ".join(f"{_short(text, 24)}" for text in list(labels.values())[:4])
    reason = f"{len(labels)} codes labelled {told}" + (", ..." if len(labels) > 4 else "")
    if concept == "sex" and not {"SEX_M", "SEX_F"} <= hits:
        return _NEVER, ""
    if concept == "age_5yr_band" and len(hits) < 5:
        return _NEVER, ""
    if concept == "education" and len(hits) < 3:
        return -3.0, reason
    if not hits:
        return -3.0, reason
    if not code_list and hits != {"TRUE", "FALSE"}:
        return -1.0, reason
    if len(hits) == 1 and len(labels) > 1:
        return -1.0, reason
    # Of two variables the one that tells more of the list's items apart.
    return (2.0 + 0.2 * min(len(hits), 5)) * share, reason


def _countries(variable: Variable, concept: str, area: str) -> tuple[float, str]:
    profile = variable.profile
    labels = _substantive(variable)
    concept_of = load_concepts()[concept]
    if labels:
        targets = {code: guess_area(concept_of, text, area) for code, text in labels.items()}
        hits = {*targets.values()} - {"", NULL, UNKNOWN}
        # Of labels each counts once; of typed texts each row, for misspellings are many.
        weights = dict.fromkeys(labels, 1) if variable.labels else {code: profile.values[code] for code in labels}
        share = sum(weights[code] for code, target in targets.items() if target in hits) / sum(weights.values())
        if share < 0.3:
            return (_NEVER if len(labels) > 15 else -2.5), ""
        reason = f"{len(hits)} countries among {len(labels)} texts"
        return (2.5 if len(hits) >= 4 else 1.0) * share, reason
    if profile.numeric > 0.95 and (profile.high >= 1000 or profile.whole < profile.numeric):
        return _NEVER, ""
    known = set(load_shared_codes("ISO_NUMERIC")) | {str(int(code)) for code in load_shared_codes("ISO_NUMERIC")}
    rows = sum(count for value, count in profile.values.items() if value in known)
    if profile.values and profile.distinct >= 5 and rows >= 0.9 * profile.filled:
        return 1.5, f"{profile.distinct} codes, ISO numeric in {rows / profile.filled:.0%} of the rows"
    return (0.0 if profile.distinct > 2 else -1.5), f"{profile.distinct} codes without labels"


def division_share(variable: Variable, table: str, digits: int) -> float:
    """Return the share of filled rows that begin with a code of a shared table, but for zeros alone."""
    known = load_shared_codes(table)
    rows = {value: count for value, count in variable.profile.values.items() if value.strip("0") and _is_number(value)}
    total = sum(rows.values())
    return sum(count for value, count in rows.items() if value[:digits] in known) / total if total else 0.0


def _classes(variable: Variable, concept: str) -> tuple[float, str]:
    """Branch or occupation: a classification's codes, or labels of its groups."""
    profile = variable.profile
    if profile.numeric < 0.9 and not variable.labels and profile.distinct > 100:
        return _NEVER, ""
    table, digits = ("ISIC4_DIVISION", 2) if concept == "economic_activity" else ("ISCO08_MAJOR", 1)
    is_long = profile.longest >= digits + (concept == "occupation")
    if is_long and profile.distinct >= 10 and division_share(variable, table, digits) > 0.9:
        return 1.5, f"{profile.distinct} codes of {profile.shortest} to {profile.longest} digits"
    labels = _substantive(variable)
    if labels:
        code_list = code_list_of(concept)
        targets = {guess_target(load_concepts()[concept], code_list, text) for text in labels.values()} - {"", UNKNOWN}
        return (0.75 if len(targets) >= 4 else -2.0), f"{len(labels)} labelled codes"
    return (
        0.0 if profile.distinct >= 8 or profile.filled < SMALL else -1.0
    ), f"{profile.distinct} codes without labels"


def _numbers(variable: Variable, concept: str, test: str, material: Material) -> tuple[float, str]:
    profile = variable.profile
    is_small = material.rows < SMALL
    labelled = len([code for code in _substantive(variable) if code in profile.values])
    if test == "region":
        fits = profile.distinct <= 120
        return (0.5 if fits else _NEVER), f"{profile.distinct} different values"
    if test in ("stratum", "psu", "id"):
        return _design(variable, test, material)
    if profile.numeric < 0.95:
        return _NEVER, ""
    if test == "age":
        is_coded = len(variable.labels) > 5 and labelled > 0.5 * profile.distinct
        if profile.whole < profile.numeric or profile.low < -1 or is_coded:
            return _NEVER, ""
        usual = sum(count for value, count in profile.values.items() if -1 <= float(value) <= 120)
        if usual < 0.98 * profile.filled or (profile.distinct < 20 and not is_small):
            return _NEVER, ""
        return 1.5, "whole numbers within 0 and 120"
    if test == "weight":
        if profile.low < 0 or profile.filled < 0.5 * material.rows or (profile.distinct < 5 and not is_small):
            return _NEVER, ""
        decimals = ", with decimals" if profile.whole < profile.numeric else ""
        # A weight that is one on average says nothing of the population.
        is_scaled = abs(profile.total / profile.filled - 1) < 0.05
        return (0.0 if is_scaled else 1.0 + (0.5 if decimals else 0.0)), f"sum {profile.total:,.0f}{decimals}"
    if test == "year":
        years = sum(count for value, count in profile.values.items() if _FIRST_YEAR <= float(value) <= _LAST_YEAR)
        if years < 0.5 * profile.filled and not is_small or not years:
            # Most may be codes of 'not applicable': the years are what is left.
            rest = [value for value in profile.values if len(value) == 4]
            if len(rest) < 5 or years == 0:
                return _NEVER, ""
        return 1.0, f"years, {profile.distinct} different"
    if test == "month":
        months = {value for value in profile.values if value.isdecimal() and 1 <= int(value) <= 12}
        fits = len(months) >= 10 or (is_small and bool(months))
        return (1.0 if fits and profile.distinct < 25 else _NEVER), "months"
    if test == "size":
        return 0.0, f"{profile.distinct} different values"
    return (0.5 if labelled <= 0.5 * max(profile.distinct, 1) else -2.0), f"numbers, {profile.distinct} different"


def _design(variable: Variable, test: str, material: Material) -> tuple[float, str]:
    profile = variable.profile
    reason = f"{profile.distinct:,} different values"
    if profile.filled < 0.3 * material.rows:
        return _NEVER, ""
    if test == "stratum":
        fits = profile.distinct <= max(0.2 * material.rows, 2) or material.rows < SMALL
        return (0.5 if fits else _NEVER), reason
    if test == "psu":
        return (0.25 if profile.distinct <= 0.5 * material.rows or material.rows < SMALL else _NEVER), reason
    return (0.25 if profile.whole or profile.numeric < 1 else _NEVER), reason
