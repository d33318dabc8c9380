"""What a table needs by way of questions, and which of them a survey does not ask.

Here belong the derivations of ``transforms`` as names of columns. The reckoning over names is ``schemas.gaps``; what a
survey supports in a period is said in ``support``.
"""

from collections.abc import Iterable, Mapping, Sequence

from schemas.concepts import load_concepts
from schemas.gaps import Names, Recipes, missing, smallest, ways
from schemas.indicators import Indicator
from schemas.model_questions import load_model_questions
from schemas.survey_spec import SurveySpec
from transforms.absentees import OF_THE_HOUSEHOLD, OUTFLOW_DEFINITIONS, outflow_definition
from transforms.derived import DERIVED
from transforms.flows import INFLOW_DEFINITIONS, inflow_definition

#: Universes that count unemployment by the ILO's definition: search and availability, or a job to start.
ILO_UNEMPLOYMENT = frozenset({"unemployed", "underused_lu2", "underused_lu3", "underused_lu4"})

#: Why there are no figures on members abroad where a survey has no list of them.
NO_LIST = "the survey lists no members of households abroad"

#: Marks a concept of absent household members, whose dictionary is another one; alone it stands for the list of them.
ABSENTEE = "absentees."

#: Questions behind the status by the ILO's definition.
BLOCKS = ("worked_one_hour", "job_search", "available")
_ILO_STATUS = "labour_force_status by questions"
_ONE_WINDOW = "arrivals and departures by one definition"
_ASKED = " as asked"

#: Derivations of ``transforms.harmonise``: column -> the sets of columns that it is made from.
_HARMONISED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "row_number": ((),),
    "exclusion": ((),),
    "residence_status": ((),),
    "has_arrived_from_abroad": ((),),
    "age_band": (("age",), ("age_5yr_band",)),
    "is_working_age": (("age",), ("age_5yr_band",)),
    "place_of_birth": (("country_of_birth",),),
    "citizenship_status": (("citizenship_1",),),
    "country_of_citizenship": (("citizenship_1",),),
    "months_of_stay": (("arrival_year",),),
    "labour_force_rule": (BLOCKS,),
    "labour_force_status_icls19": (BLOCKS,),
    "labour_force_status": (BLOCKS, ("declared_labour_force_status",)),
    "is_migrant_worker_by_birth": (("labour_force_status", "country_of_birth"),),
    "is_migrant_worker_by_citizenship": (("labour_force_status", "citizenship_1"),),
    _ILO_STATUS: (BLOCKS,),
}

#: Derivations of ``transforms.absentees``. A list of members abroad names the household of each.
_ABROAD: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "row_number": (("household_id",),),
    "residence_status": (("household_id",),),
    "age_band": (("age",),),
    "is_working_age": (("age",),),
    "citizenship_status": (("citizenship_1",),),
    "place_of_birth": (("country_of_birth",),),
    "months_since_departure": (("departure_year",),),
    "is_outflow_calendar_year": (("departure_year",),),
    "is_outflow_twelve_months": (("departure_year", "departure_month"),),
    "is_recent_outflow": tuple((definition,) for definition in OUTFLOW_DEFINITIONS),
    "is_outflow_for_employment": (("is_recent_outflow", "departure_reason"),),
}


def recipes(spec: SurveySpec) -> Recipes:
    """Return column -> the sets of columns from any of which the pipeline derives it for a survey.

    Where it also matters whether the survey gives a column itself, a name with `` as asked`` stands for the question.
    Columns of absent members bear their mark.
    """
    found = {column: [frozenset(needs) for needs in sets] for column, sets in _HARMONISED.items()}
    for derived in DERIVED:
        found.setdefault(derived.column, []).append(frozenset(derived.needs))
    found["is_inflow_twelve_months"] = [
        frozenset({"arrival_year", "arrival_month"}),
        frozenset({_asked("months_of_stay")}),
    ]
    residents = [frozenset({"labour_force_status", _asked("residence_status")})]
    if not spec.population.residence_by_design:
        residents.append(frozenset({"labour_force_status", "months_of_stay", "intended_stay_months"}))
    found["is_non_resident_foreign_worker"] = residents
    of_household = {name: (("household_id",),) for name in OF_THE_HOUSEHOLD if name in spec.concepts}
    for column, sets in {**of_household, **_ABROAD}.items():
        found[ABSENTEE + column] = [frozenset(ABSENTEE + name for name in needs) for needs in sets]
    for column, question in load_model_questions()["persons"].items():
        if column in found and question.question is not None:
            found[column].append(frozenset({_asked(column)}))
    found[_ONE_WINDOW] = [_one_window(given_by(spec), found)]
    return found


def _one_window(given: Names, derived: Recipes) -> Names:
    """Return what it takes to tell arrivals and departures by one definition, so that their difference means something.

    That is nothing where a survey does so. Else it is the last twelve months on both sides, which no further question
    puts in second place.
    """
    arrivals = inflow_definition([name for name in INFLOW_DEFINITIONS if _is_there(name, given, derived)])
    departures = outflow_definition(
        [name for name in OUTFLOW_DEFINITIONS if _is_there(ABSENTEE + name, given, derived)]
    )
    if arrivals and departures and arrivals.replace("inflow", "outflow") == departures:
        return frozenset()
    return frozenset({INFLOW_DEFINITIONS[0], ABSENTEE + OUTFLOW_DEFINITIONS[0]})


def _is_there(column: str, given: Names, derived: Recipes) -> bool:
    return frozenset() in ways(column, given, derived)


def _asked(name: str) -> str:
    return name + _ASKED


def given_by(spec: SurveySpec) -> Names:
    """Return what a survey gives itself: its concepts, also as asked, and those of absent members with their mark."""
    abroad = spec.absentees.concepts if spec.absentees is not None else ()
    return frozenset({*spec.concepts, *map(_asked, spec.concepts), *(ABSENTEE + name for name in abroad)})


def has_status_for(indicator: Indicator, spec: SurveySpec) -> bool:
    """Whether the survey's labour force status is of the kind that an indicator is about.

    Who calls himself unemployed is not unemployed by the ILO's definition: such a survey gives no figure that
    counts unemployment by an ILO id, but one of our own (STANDARDS 0.12).
    """
    is_declared = spec.labour_force is not None and spec.labour_force.self_declared
    if indicator.is_self_declared:
        return is_declared
    return not (is_declared and indicator.universe in ILO_UNEMPLOYMENT)


def needed(indicator: Indicator, spec: SurveySpec) -> tuple[str, ...]:
    """Return the columns that a table needs of a survey; those of absent members with their mark."""
    of_persons = indicator.needs
    if not has_status_for(indicator, spec):
        of_persons = (*(name for name in of_persons if name != "labour_force_status"), _ILO_STATUS)
    return (*of_persons, *(ABSENTEE + name for name in indicator.absentee_needs))


def needed_in_one_window(indicator: Indicator, spec: SurveySpec) -> tuple[str, ...]:
    """Return the same and, for a net flow, what lets its two sides be compared."""
    return (*needed(indicator, spec), *((_ONE_WINDOW,) if indicator.subtrahend is not None else ()))


def questions_lacking(needs: Iterable[str], given: Names, derived: Recipes) -> frozenset[Names]:
    """Return the smallest sets of questions that a table lacks, any one of which opens it.

    Args:
        needs: columns that it needs.
        given: what the survey gives itself, of ``given_by``.
        derived: of ``recipes``.
    """
    return frozenset(frozenset(name.removesuffix(_ASKED) for name in names) for names in missing(needs, given, derived))


def with_list(sets: Iterable[Names]) -> frozenset[Names]:
    """Return sets of questions with one name, the mark alone, for all that is asked of members abroad."""
    return smallest(frozenset(map(_list_as_one, names)) for names in sets)


def _list_as_one(question: str) -> str:
    return ABSENTEE if question.startswith(ABSENTEE) else question


def question_order() -> tuple[str, ...]:
    """Return all questions in the order of a questionnaire; those on members abroad, with their mark, at the end."""
    asked = load_model_questions()
    return (*asked["persons"], ABSENTEE, *(ABSENTEE + name for name in asked["absentees"]))


# --- in words


def why_lacking(needs: Iterable[str], spec: SurveySpec) -> str:
    """Return which questions a survey does not ask that would give some columns, in words; empty where none lacks.

    Of several ways the one that takes the fewest questions is told; of as many the one that the specification says
    most of, then the first one in the questionnaire. A list of members abroad counts as one question.

    Args:
        needs: columns; those of absent members with their mark.
        spec: the survey.
    """
    place = {name: number for number, name in enumerate(question_order())}

    def rank(names: Names) -> tuple[int, int, int, list[int]]:
        asked = {_list_as_one(name) for name in names} if spec.absentees is None else names
        unsaid = sum(_own_words(name, spec) is None for name in names)
        return len(asked), unsaid, len(names), sorted(place[name] for name in names)

    questions = min(questions_lacking(needs, given_by(spec), recipes(spec)), key=rank)
    return _words(sorted(questions, key=place.__getitem__), spec)


def _own_words(question: str, spec: SurveySpec) -> str | None:
    """Return what [not_collected] says of a question; a name that both dictionaries have is there one of persons."""
    name = question.removeprefix(ABSENTEE)
    return spec.not_collected.get(name) if name == question or name not in load_concepts() else None


def _words(questions: Sequence[str], spec: SurveySpec) -> str:
    reasons: dict[str, list[str]] = {}
    unsaid: dict[bool, list[str]] = {False: [], True: []}
    for question in questions:
        name, own = question.removeprefix(ABSENTEE), _own_words(question, spec)
        (reasons.setdefault(own, []) if own is not None else unsaid[name != question]).append(name)
    told = [f"{reason} ({', '.join(names)})" for reason, names in reasons.items()]
    if unsaid[False]:
        told.append(f"the survey does not collect {', '.join(unsaid[False])}")
    if spec.absentees is None and any(question.startswith(ABSENTEE) for question in questions):
        told.append(NO_LIST)
    elif unsaid[True]:
        told.append(f"the survey does not collect {', '.join(unsaid[True])} of members abroad")
    return "; ".join(told)
