"""The draft of a specification: a line per concept, rows of codes, and rules, all marked as guesses.

Here belongs what is proposed for each concept. How it is written down belongs to ``folder``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product

from pipelines.scaffold.code_rows import CodeDraft, code_rows, is_free_text, shared_table
from pipelines.scaffold.evidence import OTHERS, Candidate, division_share, find_candidates
from pipelines.scaffold.material import SEVERAL, Material, Variable
from pipelines.scaffold.words import guess_target, is_not_applicable, is_not_stated, load_guesses, meets, tokens
from schemas.codes import load_shared_codes
from schemas.concepts import load_concepts
from schemas.survey_tables import GUESS

#: How far below the first candidate another variable may be to stand in the same rule.
_BESIDE = 1.0
_RULE_VARIABLES = 4
_ENOUGH = 0.95
_LABELS_AGREE = 0.5
_CLEAR = 3.5
#: Most combinations of identifiers that are counted.
_COMBINATIONS = 40


@dataclass(frozen=True)
class ConceptDraft:
    """One line of [concepts].

    Attributes:
        variable: raw variable, or None.
        expression: over raw variables, or None.
        rules: whether a table of rules is drafted.
        codes: shared table, "@NAME", or None.
        classification: version of the targets, or None.
        missing: codes of a number that say 'not stated'.
        evidence: what speaks for it, in words.
    """

    evidence: str
    variable: str | None = None
    expression: str | None = None
    rules: bool = False
    codes: str | None = None
    classification: str | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuleDraft:
    """One row of rules/<concept>.csv."""

    when: str
    value: str
    note: str


@dataclass(frozen=True)
class Draft:
    """A whole draft.

    Attributes:
        concepts: concept -> its line, in the order of the dictionary.
        codes: concept -> rows of its table.
        rules: concept -> its rules.
        absent: concepts for which no variable was found; True for those that every reader looks for.
        record_type: a variable that may tell record types apart.
    """

    concepts: Mapping[str, ConceptDraft]
    codes: Mapping[str, Sequence[CodeDraft]]
    rules: Mapping[str, Sequence[RuleDraft]]
    absent: Mapping[str, bool]
    record_type: Variable | None = None


def make_draft(material: Material, area: str) -> Draft:
    """Return a draft of the specification of a file of one row per person.

    Args:
        material: the file.
        area: the survey's country as ISO 3166-1 alpha-3.
    """
    guesses = load_guesses()
    dictionary = load_concepts()
    candidates = find_candidates(material, area)
    _one_age(candidates)
    concepts: dict[str, ConceptDraft] = _identifiers(material, candidates)
    codes: dict[str, Sequence[CodeDraft]] = {}
    rules: dict[str, Sequence[RuleDraft]] = {}
    worked = _worked(candidates)
    for name in dictionary:
        found = candidates.get(name, [])
        if name in concepts or not found:
            continue
        words = guesses.concepts[name]
        if words.rules:
            drafted = _rules(name, found, worked if words.rules not in ("work", "own_use") else "")
            if drafted:
                rules[name] = drafted
                concepts[name] = ConceptDraft(_evidence(found), rules=True)
                continue
        concepts[name], rows = _line(name, found, material, area)
        if rows:
            codes[name] = rows
    if "economic_activity" in concepts and concepts["economic_activity"].codes:
        of_branch = concepts["economic_activity"]
        concepts["economic_activity_division"] = ConceptDraft(
            "first two digits of the branch", of_branch.variable, of_branch.expression
        )
    alternatives = {"age", "age_5yr_band"} if {"age", "age_5yr_band"} & set(concepts) else {"age_5yr_band"}
    absent = {
        name: guesses.concepts[name].expected
        for name, concept in dictionary.items()
        if concept.origin == "source" and name in guesses.concepts and name not in alternatives and name not in concepts
    }
    ordered = {name: concepts[name] for name in dictionary if name in concepts}
    return Draft(ordered, codes, rules, absent, _record_type(material))


def _one_age(candidates: dict[str, list[Candidate]]) -> None:
    """Keep age in single years where that is clear, otherwise in bands if it fits better."""
    single, band = ([*candidates.get(name, []), None][0] for name in ("age", "age_5yr_band"))
    if single is not None and band is not None:
        candidates["age" if single.score < min(_CLEAR, band.score) else "age_5yr_band"] = []


def _evidence(found: Sequence[Candidate]) -> str:
    text = ", ".join(found[0].reasons)
    others = [item.variable.name for item in found[1 : 1 + OTHERS]]
    return f"{text}; other candidates: {', '.join(others)}" if others else text


def _line(
    name: str, found: Sequence[Candidate], material: Material, area: str
) -> tuple[ConceptDraft, Sequence[CodeDraft]]:
    """Return the line of a concept that is taken from one variable, and rows of its codes."""
    concept = load_concepts()[name]
    variable = found[0].variable
    evidence = _evidence(found)
    if concept.kind == "number":
        missing = tuple(
            code for code, label in variable.labels.items() if is_not_stated(label) or is_not_applicable(label)
        )
        return ConceptDraft(evidence, variable.name, missing=missing), ()
    if concept.kind == "text":
        return ConceptDraft(evidence, variable.name), ()
    expression, table, code_list = None, None, concept.code_lists[0] if concept.code_lists else ""
    classification = None
    if name in ("economic_activity", "occupation"):
        expression, table, code_list = _classification(name, variable)
    elif len(concept.code_lists) > 1 and "AREA" not in concept.code_lists:
        code_list = concept.code_lists[1] if "97" in tokens(variable.label) else code_list
    elif "AREA" in concept.code_lists:
        table = shared_table(variable, area)
    if len(concept.code_lists) > 1 and "AREA" not in concept.code_lists:
        classification = code_list
    if is_free_text(variable, _digits(expression)):
        evidence += f"; of its {variable.profile.distinct:,} texts only those of {SEVERAL} rows and more are listed"
    rows = code_rows(concept, code_list, variable, material.rows, area=area, table=table, digits=_digits(expression))
    return (
        ConceptDraft(
            evidence,
            None if expression else variable.name,
            expression,
            codes=table,
            classification=classification,
        ),
        rows,
    )


def _digits(expression: str | None) -> int | None:
    return int(expression.removesuffix(")").rsplit(", ", 1)[1]) if expression else None


def _classification(name: str, variable: Variable) -> tuple[str | None, str | None, str]:
    """Return expression, shared table and code list of a branch or an occupation."""
    said = {*tokens(variable.label), *tokens(variable.name)}
    if name == "economic_activity":
        versions = [("ISIC4_DIVISION", "ECO_ISIC4", 2), ("ISIC3_DIVISION", "ECO_ISIC3", 2)]
        is_old = bool(said & {"3"} and said & {"rev", "isic", "ciiu", "citi", "nace"} or said & {"93", "31"})
    else:
        versions = [("ISCO08_MAJOR", "OCU_ISCO08", 1), ("ISCO88_MAJOR", "OCU_ISCO88", 1)]
        is_old = bool(said & {"88", "94", "1988"})
    versions = versions[::-1] if is_old else versions
    least = 20 if name == "economic_activity" else 8
    for table, code_list, digits in versions:
        is_coded = variable.profile.distinct >= least and division_share(variable, table, digits) >= _ENOUGH
        if is_coded and _labels_agree(name, variable, table, code_list, digits):
            is_long = variable.profile.longest > digits
            return f"substring({_quoted(variable.name)}, 1, {digits})" if is_long else None, f"@{table}", code_list
    return None, None, versions[0][1]


def _labels_agree(name: str, variable: Variable, table: str, code_list: str, digits: int) -> bool:
    """Return whether labels of branches, where there are any, speak for the sections that a table gives."""
    if name == "occupation":
        return True
    known, concept = load_shared_codes(table), load_concepts()[name]
    pairs = [
        (known.get(code[:digits]), target)
        for code, label in variable.labels.items()
        if (target := guess_target(concept, code_list, label))
    ]
    return sum(given == target for given, target in pairs) >= _LABELS_AGREE * len(pairs)


def _quoted(name: str) -> str:
    is_plain = name.isascii() and name.replace("_", "a").isalnum() and not name[0].isdigit()
    return name if is_plain else '"' + name.replace('"', '""') + '"'


# --- identifiers ---------------------------------------------------------------------------------


def _identifiers(material: Material, candidates: Mapping[str, Sequence[Candidate]]) -> dict[str, ConceptDraft]:
    """Return household_id and person_id: one variable, or the shortest combination that tells all persons apart."""
    households = [item.variable for item in candidates.get("household_id", ())][:4]
    persons = [item.variable for item in candidates.get("person_id", ())][:3]
    design = [items[0].variable for name in ("stratum", "psu") if (items := candidates.get(name, ()))]
    leading = [tuple(part) for part in ((), design[1:], design[:1], design) if len(part) == len(set(map(id, part)))]
    for person in (item for item in persons if item.profile.distinct == material.rows):
        line = ConceptDraft(f"{_evidence(candidates['person_id'])}; a value of its own in each row", person.name)
        return _household(candidates, None) | {"person_id": line}
    for prefix, household, person in islice(product(leading, households, persons), _COMBINATIONS):
        names = tuple(dict.fromkeys((*(item.name for item in prefix), household.name, person.name)))
        if material.counted(names) == material.rows:
            rest = tuple(name for name in names if name != person.name) or (household.name,)
            line = ConceptDraft("together a value of its own in each row", expression=_joined(names))
            return _household(candidates, rest) | {"person_id": line}
    return _household(candidates, None)


def _household(candidates: Mapping[str, Sequence[Candidate]], names: tuple[str, ...] | None) -> dict[str, ConceptDraft]:
    found = candidates.get("household_id", ())
    if names is not None and len(names) > 1:
        return {
            "household_id": ConceptDraft("all parts of the person's identifier but the last", expression=_joined(names))
        }
    if names is not None:
        return {"household_id": ConceptDraft(_evidence(found), names[0])}
    return {"household_id": ConceptDraft(_evidence(found), found[0].variable.name)} if found else {}


def _joined(names: Sequence[str]) -> str:
    parts = ", '-', ".join(map(_quoted, names))
    return f"concat({parts})"


# --- rules ---------------------------------------------------------------------------------------


def _answers(variable: Variable, concept: str) -> tuple[list[str], list[str]]:
    """Return the codes of a question that say yes and no."""
    dictionary = load_concepts()
    targets = {code: guess_target(dictionary[concept], "", label) for code, label in variable.labels.items()}
    return [code for code, target in targets.items() if target == "TRUE"], [
        code for code, target in targets.items() if target == "FALSE"
    ]


def _beside(concept: str, found: Sequence[Candidate]) -> list[Variable]:
    """Return the first candidate and those that are yes/no questions nearly as fit."""
    close = [item.variable for item in found if item.score >= found[0].score - _BESIDE][:_RULE_VARIABLES]
    return [variable for variable in close if all(_answers(variable, concept))]


def _worked(candidates: Mapping[str, Sequence[Candidate]]) -> str:
    """Return the condition of who worked: it tells who is not asked of search and absence."""
    found = candidates.get("worked_one_hour", ())
    variables = _beside("worked_one_hour", found) if found else []
    return _condition(variables, "worked_one_hour", 0, " OR ") if variables else ""


def _condition(variables: Sequence[Variable], concept: str, answer: int, joint: str) -> str:
    parts = []
    for variable in variables:
        codes = ["'" + code.replace("'", "''") + "'" for code in _answers(variable, concept)[answer]]
        name = _quoted(variable.name)
        parts.append(f"{name} = {codes[0]}" if len(codes) == 1 else f"{name} IN ({', '.join(codes)})")
    return joint.join(parts)


def _rules(concept: str, found: Sequence[Candidate], worked: str) -> list[RuleDraft]:
    """Return rules over one or several yes/no questions; none where the first candidate is no such question."""
    variables = _beside(concept, found)
    if not variables or variables[0] is not found[0].variable:
        return []
    asked = "; ".join(f"{variable.name}: {variable.label}" for variable in variables if variable.label)
    drafted = [
        RuleDraft(_condition(variables, concept, 0, " OR "), f"{GUESS}TRUE", asked),
        RuleDraft(_condition(variables, concept, 1, " AND "), f"{GUESS}FALSE", ""),
    ]
    if worked:
        drafted.append(RuleDraft(worked, f"{GUESS}FALSE", "if the question is not asked of those who worked"))
    return drafted


def _record_type(material: Material) -> Variable | None:
    phrases = load_guesses().record_type
    return next(
        (item for item in material.variables if item.profile.distinct <= 6 and meets(phrases, tokens(item.label))), None
    )
